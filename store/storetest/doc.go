// Package storetest holds every engine of the store to the same promises: [Engine.Run] runs one suite over an engine by its
// exported methods alone. What only one engine has, files or many copies, is tested where that engine is.
package storetest
