//! Recipes: a whole program for each common task.
//!
//! Each page has one program, which is compiled and run as a test of the documentation, and says what to change for
//! a related task.
//!
//! | task | page |
//! |---|---|
//! | count references in an object of my own, found through my own index and lock | [`own_object`] |
//! | the sessions of a server, with clients that connect again | [`sessions`] |
//! | visit all live objects, and remove those that are idle | [`idle`] |
//! | a cache: keep the objects that were used last | [`keep`] |
//! | shared connections in an async program | [`pool`] |
//! | the symbols of a parser: one word, keys of maps, serde | [`symbols`] |
//! | one at a time for each key | [`key_lock`] |
//! | a queue of jobs with a sleeping consumer, and an orderly shutdown | [`job_queue`] |
//! | a tree whose nodes keep their parents alive | [`tree`] |
//! | a test suite that fails when an object leaks | [`leak_check`] |
//! | a model test of my own code over these types | [`model_test`] |
//! | `no_std`: spin locks, and critical sections | [`no_std`] |

pub mod own_object;

pub mod sessions;

pub mod idle;

pub mod keep;

pub mod pool;

pub mod key_lock;

pub mod symbols;

pub mod job_queue;

pub mod tree;

pub mod leak_check;

pub mod model_test;

pub mod no_std;
