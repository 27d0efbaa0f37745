// Package suite holds the long tests of the module: the rules of the design, faults, replicas, clusters, Sentinel, operations,
// the odds of guessing and lost replies. It has no code.
package suite
