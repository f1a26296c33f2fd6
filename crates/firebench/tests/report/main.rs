//! Reports: what people and programs read of a run.

mod audit;
mod exercised;
mod files;
mod findings;
mod fixture;
mod host;
mod hostile;
mod pairs;
mod progress;
mod rendered;
mod schema;
mod summary;
