// Package feed tells subscribers what was committed, through channels of bounded length that never hold up who tells.
package feed
