//! Making room.

use super::files::{names, remove};
use super::{Cache, DIGESTS, STAGING};
use crate::Result;

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Entries that were removed, as KIND/KEY.
    pub removed: Vec<String>,
    /// Bytes that they had.
    pub freed_bytes: u64,
    /// Entries that stay.
    pub kept: usize,
    /// Bytes that they have.
    pub kept_bytes: u64,
    /// Of these, entries that would have gone but are in use.
    pub in_use: usize,
    /// Leftovers of builders that died.
    pub stale_staging: usize,
}

impl Cache {
    /// Removes the least recently used entries until the others have at most `max_bytes` bytes, and whatever dead
    /// builders left behind. What another process (or a guard of this one) uses stays.
    pub fn gc(&self, max_bytes: u64) -> Result<GcReport> {
        let mut report = GcReport { stale_staging: self.sweep()?, ..GcReport::default() };
        self.digests().collect()?;
        let mut entries: Vec<_> = self
            .entries()?
            .into_iter()
            .map(|entry| {
                let bytes = entry.meta().map(|meta| meta.bytes());
                // An entry without metadata is of no use: it goes first and always.
                (bytes.map(|_| entry.last_used()), bytes, entry)
            })
            .collect();
        entries.sort_by(|(a, _, x), (b, _, y)| a.cmp(b).then_with(|| x.path().cmp(&y.path())));
        let mut total = entries.iter().fold(0_u64, |sum, (_, bytes, _)| sum.saturating_add(bytes.unwrap_or(0)));
        for (_, bytes, entry) in entries {
            let wanted = bytes.is_some() && total <= max_bytes;
            let lock = if wanted { None } else { entry.try_lock()? };
            let bytes = bytes.unwrap_or(0);
            let Some(lock) = lock else {
                report.kept = report.kept.saturating_add(1);
                report.kept_bytes = report.kept_bytes.saturating_add(bytes);
                report.in_use = report.in_use.saturating_add(usize::from(!wanted));
                continue;
            };
            entry.remove(lock)?;
            total = total.saturating_sub(bytes);
            report.freed_bytes = report.freed_bytes.saturating_add(bytes);
            report.removed.push(format!("{}/{}", entry.kind(), entry.key()));
        }
        Ok(report)
    }

    /// Removes what dead builders left behind; returns how many they were.
    pub fn sweep(&self) -> Result<usize> {
        let root = self.dir.join(STAGING);
        let mut count = 0;
        for name in names(&root)? {
            let mut parts = name.split('.');
            let (Some(kind), Some(key)) = (parts.next(), parts.next()) else { continue };
            let Ok(entry) = self.entry(kind, key) else { continue };
            let Some(lock) = entry.try_lock()? else { continue };
            remove(&root.join(&name))?;
            lock.remove()?;
            count = usize::saturating_add(count, 1);
        }
        Ok(count)
    }

    /// Removes everything that no one uses, digests included.
    pub fn clear(&self) -> Result<GcReport> {
        let report = self.gc(0)?;
        for name in names(&self.dir.join(DIGESTS))? {
            remove(&self.dir.join(DIGESTS).join(name))?;
        }
        Ok(report)
    }
}
