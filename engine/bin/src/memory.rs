//! The allocator, and giving back what it holds.

use mimalloc::MiMalloc;

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
