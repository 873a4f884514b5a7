//! HTTP on both sides of the engine: heads and bodies in, heads and bodies out.

pub mod h1;
