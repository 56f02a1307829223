//! Chapter 20: who still holds it.
//!
//! # The problem
//!
//! An object should be gone and is not. Its count is 12. The count does not say which twelve parts of the program have a
//! reference, and a debugger cannot find them: they are in variables, in closures, in messages that were not received.
//!
//! # Wrong
//!
//! Log the count at each get and put, and look for the get that has no put:
//!
//! ```
//! use kref::Ref;
//!
//! let object = Ref::new("object");
//! println!("before the upload: {}", Ref::count_hint(&object));
//! let uploader = object.clone();
//! println!("after the upload: {}", Ref::count_hint(&object));
//! # drop(uploader);
//! ```
//!
//! ```text
//! thread A                       thread B                       log
//! --------                       --------                       ---
//! get                                                           A: 2
//!                                get                            B: 3
//! put                                                           A: 2
//!                                                               whose is it?
//! ```
//!
//! Gets and puts of equal references cannot be told apart. A put belongs to one get, and only the pointer that is dropped
//! knows to which.
//!
//! # Right
//!
//! Let each reference carry a token, as the kernel's `ref_tracker` does. The token says where the reference was
//! taken, and it ends with the reference. With the feature `track`, every pointer of this crate has one:
//!
//! ```
//! # #[cfg(feature = "track")] {
//! use kref::{Handle, Registry, track};
//!
//! let files = Registry::<u32, &str>::new();
//! let file = files.get_or_insert_with(42, |_| "contents");
//! let uploader = Handle::clone_for(&file, "uploader"); // a tag, where a line number does not say enough
//! std::mem::forget(file.clone()); // the leak
//!
//! drop(uploader);
//! let report = track::report_of(&file);
//! assert_eq!(report.count(), 2);
//! assert!(!Handle::is_held_by(&file, "uploader"));
//! println!("{report}"); // 2 holders of key 42: 1 from src/main.rs:4, 1 from src/main.rs:6, oldest 0 ms
//! # }
//! ```
//!
//! The report groups equal holders. A leak is then the line with the large number, or the line with the great age.
//!
//! - [`track::report_all`](crate::track::report_all) asks for a registry, and [`report_process`](crate::track::report_process) for everything. The second one also
//!   finds objects that have left their registry.
//! - [`track::assert_all_dropped`](crate::track::assert_all_dropped) makes a test fail if objects are left ([recipe](super::recipes::leak_check)).
//! - [`Holders`](crate::track::Holders) is for an object with a bare count. There the token is a value of your own, and can be put
//!   twice. Then both places are reported.
//! - A report of a [saturated count](super::saturation) names the holders ([`Report::holders`](crate::report::Report::holders)).
//!
//! A record ends *before* its reference is given up. The other way round, another thread could drop the last
//! reference in between, and the next object at the same address would seem to have a holder that it never had.
//!
//! # Proof
//!
//! `holders_are_references` in `tests/track/random.rs`; `nothing_is_held_when_the_destructor_runs` and `raw_references_are_held` in
//! `tests/track/pointers.rs`; `no_record_outlives_its_reference` in `tests/model/track.rs`. The example `find_the_leak` has a leak planted
//! among threads, and finds it.
//!
//! # Cost
//!
//! Without the feature nothing: `the_pointers_are_words_and_tokens` in `tests/sizes.rs`, and the machine code of `tests/codegen`. With it, the costs are those that
//! [`kref::track`](crate::track#costs) states. It is for tests, and for a program that is searched for a leak.
//!
//! ---
//!
//! Previous: [19](super::upgrade) · [contents](super)

#![doc(alias("leak detector", "who holds"))]
