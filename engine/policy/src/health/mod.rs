//! Which endpoints are usable: what active checks say, what real requests show, and when too few
//! are left to believe either.

pub mod outlier;
pub mod panic;
pub mod streak;

pub use outlier::Outlier;
pub use streak::Streak;
