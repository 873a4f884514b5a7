//! Memory that is not the engine's own: what Python and C take by `malloc`.

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
