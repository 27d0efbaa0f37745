// Package model holds tests that need more than the core may depend on: a model of the whole policy that is driven at
// random, and a check of recorded histories of parallel calls.
package model
