// Package notifytest has stand-ins for the services that package channel speaks to. Each enforces the protocol and the limits
// that its vendor documents, and answers errors in the vendor's form: with status 200 where the vendor does. They are for
// tests.
//
// What a stand-in took is in Accepted; Fail makes it answer the next request as it is told. What a client did that a vendor
// would take note of without an answer is in Violations.
package notifytest
