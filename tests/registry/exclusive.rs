//! Exclusive keys: nobody opens again what is still closing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use kref::registry::{DefaultHashBuilder, Entry};
use kref::{Handle, Registry};

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Of which there is one at a time.
struct Device;

impl Device {
    fn open() -> Self {
        assert_eq!(OPEN.fetch_add(1, Relaxed), 0, "it is open");
        Self
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        thread::yield_now();
        assert_eq!(OPEN.fetch_sub(1, Relaxed), 1);
    }
}

#[test]
fn one_at_a_time() {
    static DEVICES: Registry<String, Device> = Registry::new().exclusive();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let device = DEVICES.get_or_insert_with("one".into(), |_| Device::open());
                    thread::yield_now();
                    drop(device);
                }
            });
        }
    });
    assert!(DEVICES.is_empty());
}

/// A file with a real lock of the system: no open is refused.
#[cfg(target_os = "linux")]
#[cfg_attr(miri, ignore)]
#[test]
fn files_with_a_lock() {
    use rustix::fs::{FlockOperation, flock};
    use std::fs::File;
    use std::path::PathBuf;

    static FILES: Registry<PathBuf, File> = Registry::new().exclusive();
    fn open(path: &PathBuf) -> std::io::Result<File> {
        let file = File::options().create(true).append(true).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }
    let path = std::env::temp_dir().join(format!("kref-exclusive-{}", std::process::id()));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let file = FILES.get_or_try_insert_with(path.clone(), open);
                    assert!(file.is_ok(), "{file:?}");
                    thread::yield_now();
                }
            });
        }
    });
    std::fs::remove_file(path).unwrap();
}

/// A value whose destructor tells that it has begun, and waits until it may go on.
struct Slow(Mutex<Option<(Sender<()>, Receiver<()>)>>);

impl Slow {
    fn quick() -> Self {
        Self(Mutex::new(None))
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        if let Some((began, go)) = self.0.get_mut().unwrap().take() {
            began.send(()).unwrap();
            go.recv().unwrap();
        }
    }
}

type Map = Registry<u32, Slow>;

/// Calls `f` while the destructor of the value of key 1 runs; returns when that has ended.
fn beside_a_destructor(map: &Map, f: impl FnOnce(&dyn Fn())) {
    let (began, begins) = channel();
    let (go, goes) = channel();
    let slow = map.get_or_insert_with(1, |_| Slow(Mutex::new(Some((began, goes)))));
    thread::scope(|scope| {
        scope.spawn(move || drop(slow));
        begins.recv().unwrap();
        f(&|| go.send(()).unwrap());
    });
}

#[test]
fn a_key_is_busy_while_the_destructor_runs() {
    let map = Map::new().exclusive();
    beside_a_destructor(&map, |go| {
        assert!(map.get(&1).is_none() && !map.contains_key(&1) && map.is_empty());
        assert!(map.unlist(&1).is_none());
        let Entry::Busy(pending) = map.entry(1) else {
            panic!("it is busy")
        };
        let other = map.get_or_insert_with(2, |_| Slow::quick());
        assert!(!pending.is_done());
        go();
        assert!(pending.wait().is_none());
        drop(other);
    });
    assert!(matches!(map.entry(1), Entry::Vacant(_)));
    assert!(map.try_insert(1, Slow::quick()).is_ok());
}

/// The registry goes while the destructor runs, and the key with the destructor.
#[test]
fn the_registry_goes_beside_the_destructor() {
    let map = Registry::<String, Slow>::with_shards_and_hasher(1, DefaultHashBuilder).exclusive();
    let (began, begins) = channel();
    let (go, goes) = channel();
    let slow = map.get_or_insert_with("one".into(), |_| Slow(Mutex::new(Some((began, goes)))));
    let other = map.get_or_insert_with("other".into(), |_| Slow::quick());
    thread::scope(|scope| {
        scope.spawn(move || drop(slow));
        begins.recv().unwrap();
        drop(map);
        assert!(!Handle::is_listed(&other));
        go.send(()).unwrap();
    });
    assert_eq!(Handle::key(&other), "other");
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("destructor");
    }
}

#[test]
fn a_destructor_that_panics_leaves_the_key_vacant() {
    let map = Registry::<String, Panics>::new().exclusive();
    for _ in 0..100 {
        let value = map.get_or_insert_with("key".into(), |_| Panics);
        catch_unwind(AssertUnwindSafe(|| drop(value))).unwrap_err();
        assert!(map.is_empty());
    }
}

/// A destructor that would wait for itself is told.
#[test]
fn a_destructor_that_asks_for_its_own_key() {
    struct Asks;
    static MAP: Registry<u32, Asks> = Registry::new().exclusive();
    impl Drop for Asks {
        fn drop(&mut self) {
            let _ = MAP.get_or_insert_with(1, |_| Asks);
        }
    }
    let value = MAP.get_or_insert_with(1, |_| Asks);
    let panic = catch_unwind(|| drop(value)).unwrap_err();
    assert!(
        panic
            .downcast_ref::<&str>()
            .unwrap()
            .contains("the same key")
    );
    assert!(MAP.is_empty());
}

/// What was taken out does not keep its key.
#[test]
fn an_unlisted_object_has_no_key() {
    let map = Map::new().exclusive();
    let first = map.get_or_insert_with(1, |_| Slow::quick());
    assert!(map.unlist(&1).is_some());
    let second = map.get_or_insert_with(1, |_| Slow::quick());
    assert!(!Handle::ptr_eq(&first, &second));
}

/// A registry that is dropped while the destructor of a value runs leaves that value to the thread that has begun.
#[test]
fn a_value_that_is_dying_dies_once_if_its_registry_goes() {
    struct Slow {
        begun: Sender<()>,
        go_on: Mutex<Receiver<()>>,
        drops: Arc<AtomicUsize>,
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            self.drops.fetch_add(1, Relaxed);
            let _ = self.begun.send(());
            let _ = self.go_on.lock().unwrap().recv();
        }
    }

    let (begun, has_begun) = channel();
    let (may_go_on, go_on) = channel();
    let drops = Arc::new(AtomicUsize::new(0));
    let registry = Registry::new().exclusive();
    let value = Slow {
        begun,
        go_on: Mutex::new(go_on),
        drops: drops.clone(),
    };
    let handle = registry.get_or_insert_with(1, |_| value);
    let last = thread::spawn(move || drop(handle));
    has_begun.recv().unwrap();
    drop(registry);
    drop(may_go_on);
    last.join().unwrap();
    assert_eq!(drops.load(Relaxed), 1);
}
