//! Nothing: the package has a bench only.
