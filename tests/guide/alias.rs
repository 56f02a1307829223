//! A reader who searches the documentation for a name of the kernel finds the page.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The names that a reader may look for, by the file that must have them.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "src/atomic/traits.rs",
        &[
            "atomic_read",
            "atomic_read_acquire",
            "atomic_set",
            "atomic_set_release",
            "atomic_xchg",
            "atomic_cmpxchg",
            "atomic_try_cmpxchg",
            "atomic_add",
            "atomic_sub",
            "atomic_inc",
            "atomic_dec",
            "atomic_fetch_add",
            "atomic_fetch_sub",
            "atomic_and",
            "atomic_or",
            "atomic_xor",
            "atomic_fetch_and",
            "atomic_fetch_or",
            "atomic_fetch_xor",
            "atomic_t",
            "atomic64_t",
        ],
    ),
    (
        "src/atomic/ext.rs",
        &[
            "atomic_add_return",
            "atomic_sub_return",
            "atomic_inc_return",
            "atomic_dec_return",
            "atomic_fetch_inc",
            "atomic_fetch_dec",
            "atomic_andnot",
            "atomic_fetch_andnot",
            "atomic_sub_and_test",
            "atomic_dec_and_test",
            "atomic_inc_and_test",
            "atomic_add_negative",
            "atomic_add_unless",
            "atomic_fetch_add_unless",
            "atomic_inc_not_zero",
            "atomic_inc_unless_negative",
            "atomic_dec_unless_positive",
            "atomic_dec_if_positive",
        ],
    ),
    (
        "src/counts/refcount/mod.rs",
        &[
            "refcount_t",
            "REFCOUNT_INIT",
            "REFCOUNT_MAX",
            "REFCOUNT_SATURATED",
            "refcount_set",
            "refcount_set_release",
            "refcount_read",
        ],
    ),
    (
        "src/counts/refcount/get.rs",
        &[
            "refcount_inc",
            "refcount_add",
            "refcount_inc_not_zero",
            "refcount_inc_not_zero_acquire",
            "refcount_add_not_zero",
            "refcount_add_not_zero_acquire",
            "__refcount_add_not_zero_limited_acquire",
            "__refcount_inc_not_zero_limited_acquire",
        ],
    ),
    (
        "src/counts/refcount/put.rs",
        &[
            "refcount_dec",
            "refcount_dec_and_test",
            "refcount_sub_and_test",
            "refcount_dec_if_one",
            "refcount_dec_not_one",
            "refcount_dec_and_mutex_lock",
            "refcount_dec_and_lock",
            "refcount_dec_and_lock_irqsave",
            "atomic_dec_and_lock",
            "atomic_dec_and_mutex_lock",
        ],
    ),
    (
        "src/counts/refcount/frozen.rs",
        &["folio_ref_freeze", "folio_ref_unfreeze"],
    ),
    (
        "src/counts/rcuref.rs",
        &[
            "rcuref_t",
            "RCUREF_INIT",
            "RCUREF_MAXREF",
            "RCUREF_SATURATED",
            "rcuref_init",
            "rcuref_read",
            "rcuref_get",
            "rcuref_put",
            "rcuref_put_rcusafe",
            "file_ref_t",
            "file_ref_init",
            "file_ref_get",
            "file_ref_put",
        ],
    ),
    (
        "src/counts/sharded/count.rs",
        &[
            "percpu_ref",
            "percpu_ref_init",
            "percpu_ref_exit",
            "percpu_ref_get",
            "percpu_ref_put",
            "percpu_ref_tryget",
            "percpu_ref_tryget_live",
            "percpu_ref_is_dying",
            "percpu_ref_is_zero",
        ],
    ),
    (
        "src/counts/sharded/switch.rs",
        &[
            "percpu_ref_kill",
            "percpu_ref_kill_and_confirm",
            "percpu_ref_resurrect",
            "percpu_ref_reinit",
        ],
    ),
    (
        "src/counts/kref.rs",
        &[
            "KREF_INIT",
            "kref_init",
            "kref_read",
            "kref_get",
            "kref_get_unless_zero",
            "kref_put",
            "kref_put_mutex",
            "kref_put_lock",
        ],
    ),
    (
        "src/track/holders.rs",
        &[
            "ref_tracker",
            "ref_tracker_dir",
            "ref_tracker_dir_init",
            "ref_tracker_dir_exit",
            "ref_tracker_alloc",
            "ref_tracker_free",
        ],
    ),
    (
        "src/track/ask.rs",
        &["ref_tracker_dir_print", "ref_tracker_dir_snprint"],
    ),
    (
        "src/llist/owning.rs",
        &[
            "llist_head",
            "LLIST_HEAD",
            "init_llist_head",
            "llist_add",
            "llist_add_batch",
            "llist_del_all",
            "llist_del_first",
            "llist_del_first_init",
            "llist_empty",
            "llist_reverse_order",
            "llist_for_each",
            "llist_for_each_entry",
            "llist_for_each_entry_safe",
            "llist_for_each_safe",
            "llist_next",
        ],
    ),
    (
        "src/llist/intrusive/node.rs",
        &[
            "llist_node",
            "init_llist_node",
            "llist_on_list",
            "llist_entry",
        ],
    ),
    (
        "src/llist/intrusive/chain.rs",
        &["__llist_add", "__llist_add_batch", "__llist_del_all"],
    ),
    (
        "src/guide/kernel.rs",
        &[
            "percpu_ref_switch_to_atomic",
            "lockref_get_not_dead",
            "llist_del_first_this",
        ],
    ),
    (
        "src/guide/put_lock.rs",
        &["list_del", "hlist_del", "hash_del"],
    ),
    (
        "src/guide/uniqueness.rs",
        &["Arc::strong_count == 1", "page_count"],
    ),
    (
        "src/guide/arc.rs",
        &["Weak", "Weak::upgrade", "Arc::downgrade"],
    ),
    ("src/guide/no_common_lock.rs", &["SLAB_TYPESAFE_BY_RCU"]),
];

/// Returns the aliases of the items of a file: `doc(alias = "...")` and `doc(alias("...", "..."))`.
fn aliases(source: &str) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for rest in source.split("doc(alias").skip(1) {
        let end = rest.find(")]").expect("the end of an attribute");
        for alias in rest[..end].split('"').skip(1).step_by(2) {
            *found.entry(alias.to_string()).or_default() += 1;
        }
    }
    found
}

#[test]
fn every_name_leads_to_its_item() {
    let mut missing = Vec::new();
    for (file, names) in EXPECTED {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let found = aliases(&fs::read_to_string(&path).unwrap());
        missing.extend(
            names
                .iter()
                .filter(|name| !found.contains_key(**name))
                .map(|name| (file, name)),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
