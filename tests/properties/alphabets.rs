//! The machines have all public operations of their types, and each machine is driven by a fuzz target too.
//!
//! `docs/public-api.txt` has the operations, and CI compares it with the crate. Here an operation counts as there if the machine's
//! file calls it; that its result is compared is for the reader to see.
//!
//! The package has not all of the files, so that only a checkout is looked at.

use std::fs;
use std::path::{Path, PathBuf};

/// What each file of `tests/machines` drives.
const MACHINES: [(&str, &[&str]); 13] = [
    ("refcount", &["RefCount", "Frozen", "Kref"]),
    ("handback", &["HandBack"]),
    ("rcuref", &["RcuRef"]),
    ("refs", &["Ref", "UniqueRef", "IntrusiveRef"]),
    ("weak", &["WeakRef", "Weak"]),
    ("sharded", &["ShardedCount"]),
    ("sharded_ref", &["ShardedRef"]),
    ("drain", &["Drain", "Drained", "Token"]),
    (
        "registry",
        &[
            "Registry",
            "Handle",
            "registry::Borrowed",
            "registry::Reservation",
            "registry::Pending",
        ],
    ),
    ("key_lock", &["KeyLock", "KeyGuard"]),
    ("interner", &["Interner", "Interned", "interner::Borrowed"]),
    ("llist", &["LList", "llist::Chain", "llist::Consumer"]),
    (
        "intrusive",
        &[
            "llist::intrusive::List",
            "llist::intrusive::Chain",
            "llist::intrusive::Consumer",
            "llist::intrusive::SwapList",
            "llist::intrusive::SwapChain",
        ],
    ),
];

/// Operations that no machine calls by name, and why.
const NOT_CALLED: [(&str, &str); 9] = [
    (
        "borrow borrow_mut as_ref as_mut deref deref_mut fmt hash eq cmp partial_cmp",
        "the value's own, behind a pointer: tests/refs, tests/registry",
    ),
    ("clone drop", "called without their names"),
    (
        "from try_from default from_iter into_iter extend next size_hint poll",
        "called through the trait, by `into`, `collect`, a loop or a waker",
    ),
    ("source", "of an error behind a pointer: tests/refs"),
    ("serialize deserialize", "the feature serde: tests/others"),
    (
        "as_ptr from_ptr into_ptr inc",
        "arc-swap's trait: tests/others",
    ),
    ("clone_for is_held_by", "the feature track: tests/track"),
    ("coerce", "what `unsize!` calls"),
    ("new", "the machine takes the backend's, `new_in`"),
];

fn read(file: PathBuf) -> String {
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The functions of a type, by its path in the crate.
fn functions(api: &str, path: &str) -> Vec<String> {
    let starts = [format!("kref::{path}::"), format!("kref::{path}<")];
    let mut functions = Vec::new();
    for line in api.lines().filter(|line| line.starts_with("pub ")) {
        let Some((_, function)) = line.split_once(" fn ") else {
            continue;
        };
        if !starts.iter().any(|start| function.starts_with(start)) {
            continue;
        }
        // What stands in angle brackets is no part of the name.
        let mut depth = 0;
        let mut name = String::new();
        for c in function.chars() {
            match c {
                '<' => depth += 1,
                '>' => depth -= 1,
                '(' if depth == 0 => break,
                c if depth == 0 => name.push(c),
                _ => {}
            }
        }
        functions.extend(name.rsplit_once("::").map(|(_, name)| name.to_owned()));
    }
    functions
}

/// Whether a text calls a function.
fn calls(text: &str, function: &str) -> bool {
    let mut places = text.match_indices(function);
    places.any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + function.len()..]);
        (before.ends_with('.') || before.ends_with("::"))
            && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn is_excused(function: &str) -> bool {
    // The same for another backend.
    let mut excused = NOT_CALLED.iter().flat_map(|(names, _)| names.split(' '));
    function.ends_with("_in") || excused.any(|name| name == function)
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn machines_have_all_operations() {
    let list = root().join("docs/public-api.txt");
    if !list.exists() {
        return;
    }
    let api = read(list);
    let mut missing = Vec::new();
    for (file, types) in MACHINES {
        let machine = read(root().join(format!("tests/machines/{file}.rs")));
        for path in types {
            let functions = functions(&api, path);
            assert!(!functions.is_empty(), "{path} is not in the list");
            let lacks = |function: &String| !is_excused(function) && !calls(&machine, function);
            let lacking = functions.into_iter().filter(lacks);
            missing.extend(lacking.map(|function| format!("{file}: {path}::{function}")));
        }
    }
    assert!(
        missing.is_empty(),
        "no machine calls:\n{}",
        missing.join("\n")
    );
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn machines_are_fuzzed_and_tried_here() {
    let targets = root().join("fuzz/fuzz_targets");
    if !targets.exists() {
        return;
    }
    let targets = fs::read_dir(targets).expect("a directory");
    let targets: String = targets
        .map(|entry| read(entry.expect("a file").path()))
        .collect();
    let properties = read(root().join("tests/properties/state_machines.rs"));
    for (file, _) in MACHINES {
        let named = format!("machines::{file}::");
        assert!(targets.contains(&named), "{file} is not fuzzed");
        assert!(
            properties.contains(&named),
            "{file} is not tried with properties"
        );
    }
}

#[test]
fn a_function_is_found_by_its_path() {
    let api = "pub fn kref::Ref<T, B>::get(&self) -> u8\n\
               pub const fn kref::Ref<T, B>::map<U>(self) -> kref::Ref<U, B>\n\
               pub fn kref::Ref<[core::mem::MaybeUninit<T>], B>::part(Self)\n\
               pub fn kref::Ref<T, B>::of<D: Maker<'de>>(D) -> Result<Self, <D as Maker<'de>>::Error>\n\
               pub fn kref::RefCount::inc(&self)\n\
               pub struct kref::Ref<T, B>\n";
    assert_eq!(functions(api, "Ref"), ["get", "map", "part", "of"]);
    assert_eq!(functions(api, "RefCount"), ["inc"]);
    assert!(calls("a.get()", "get") && calls("A::get::<u8>", "get"));
    assert!(!calls("a.get_mut()", "get") && !calls("forget(a)", "get"));
}
