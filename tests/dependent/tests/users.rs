//! What users of this crate get: the same table, and no loom.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use connections::{Connections, Full};
use kref::Handle;

#[test]
fn users_write_no_backend() {
    let table = Connections::new(2);
    let a = table.connect(1).unwrap();
    let b = table.connect(1).unwrap();
    assert!(Handle::ptr_eq(&a, &b));
    let _c = table.connect(2).unwrap();
    assert_eq!(table.connect(3).err(), Some(Full));
    drop((a, b));
    assert_eq!(table.len(), 1);
    assert!(table.connect(3).is_ok());
}

fn cargo(args: &[&str], dir: &Path) -> String {
    let cargo = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        cargo.status.success(),
        "{}",
        String::from_utf8_lossy(&cargo.stderr)
    );
    String::from_utf8(cargo.stdout).unwrap()
}

/// The normal build of this crate does not contain loom; its tests do, or this would test nothing.
#[test]
fn the_normal_build_has_no_loom() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let has_loom = |edges| {
        let tree = cargo(
            &["tree", "--offline", "--prefix", "none", "--edges", edges],
            here,
        );
        assert!(tree.lines().any(|line| line.starts_with("kref ")));
        tree.lines().any(|line| line.starts_with("loom "))
    };
    assert!(!has_loom("normal,build"));
    assert!(has_loom("normal,build,dev"));
}

/// Nor does the lock file of a crate that depends on this one.
#[test]
fn the_lock_file_of_a_user_has_no_loom() {
    let user = Path::new(env!("CARGO_TARGET_TMPDIR")).join("user");
    fs::create_dir_all(user.join("src")).unwrap();
    fs::write(user.join("src/lib.rs"), "").unwrap();
    let here = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nconnections = {{ path = {here:?} }}\n"
    );
    fs::write(user.join("Cargo.toml"), manifest).unwrap();
    cargo(&["generate-lockfile", "--offline"], &user);
    let lock = fs::read_to_string(user.join("Cargo.lock")).unwrap();
    let has = |name| lock.contains(&format!("name = \"{name}\"\n"));
    assert!(has("connections") && has("kref") && has("parking_lot_core"));
    assert!(!has("loom") && !has("shuttle"));
}
