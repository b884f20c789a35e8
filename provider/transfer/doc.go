// Package transfer owns how users come into Signet from elsewhere: what stands in the way of each,
// which of them are here already, and that nothing is left out without a word. It does not know where
// they come from, nor where users are stored.
//
// It also owns the file in which one Signet hands its users to another.
//
// A source is read whole, a Plan compares it with the store, and Apply does what the plan says. An
// import may be repeated: a user who is here already, with the same ID and address, is left alone.
package transfer
