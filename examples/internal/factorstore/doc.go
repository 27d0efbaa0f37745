// Package factorstore tests package sqlstore on real databases.
package factorstore
