//! What the program does beside a check: each command gathers its facts here, and `report` shows them.

pub mod bundle;
pub mod diff;
pub mod inspect;
mod list_files;
pub mod orphans;

pub use list_files::list;
