//! Reports: what people and programs read of a run.

mod files;
mod fixture;
mod host;
mod progress;
mod rendered;
mod schema;
mod summary;
mod text;
