//! The allocator of the engine, and giving memory back: the engine's own, and what Python and C take by `malloc`.

use mimalloc::MiMalloc;

/// For everything that is Rust in the process, whichever program it is in; Python keeps its own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

unsafe extern "C" {
    /// Part of mimalloc; its Rust crate offers it only together with a hundred other functions.
    fn mi_collect(force: bool);
}

/// Gives memory that is free back to the system: by itself the allocator waits for more work, and a process at rest
/// would keep what a Plan took while it was read.
pub fn give_back() {
    // SAFETY: it may be called at any time from any thread.
    unsafe { mi_collect(true) }
}

/// From this size on, a block is a mapping of its own and goes back to the system when it is freed.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 256 << 10;

/// Has large blocks of the C library's heap given back when they are freed.
///
/// By itself glibc raises this bound with each large block that is freed, up to 32 MiB: after the first Plan of
/// 10,000 routes has passed through Python as text, every later one would lie in a heap that never shrinks again
/// (measured: 20 MB after five reloads).
pub fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes numbers and changes settings of the allocator only.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}
