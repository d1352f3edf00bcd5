//! What is believed of the machine's clock where time ends something for good.
//!
//! A machine can start with a clock that is years off, before the network tells it the time. So a leap, ahead or back, is
//! believed only when a look a day later finds it again.

use rusqlite::{OptionalExtension, params};

use crate::error::Doing;
use crate::{Store, StoreError};

/// A larger step between two looks is a leap.
const LEAP_MS: i64 = 2 * DAY_MS;
/// A later look is a leap of its own.
const LONGEST_DOUBT_MS: i64 = 400 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Store {
    /// The time that is believed, in Unix milliseconds; `None` if nobody has looked yet.
    pub fn believed_time(&self) -> Result<Option<i64>, StoreError> {
        self.connection()
            .query_row("SELECT believed FROM clock", [], |row| row.get(0))
            .optional()
            .doing("asking for the time")
    }

    /// Takes in that the machine's clock shows `now`, and gives back the time that is believed.
    pub fn look_at_clock(&self, now: i64) -> Result<i64, StoreError> {
        let connection = self.connection();
        let found: Option<(i64, Option<i64>)> = connection
            .query_row("SELECT believed, doubted FROM clock", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .doing("asking for the time")?;
        let (believed, doubted) = match found {
            None => (now, None),
            Some((believed, _)) if (now - believed).abs() <= LEAP_MS => (now.max(believed), None),
            // What was doubted goes on from where it was seen.
            Some((_, Some(doubted))) if now >= doubted + DAY_MS && now - doubted <= LONGEST_DOUBT_MS => {
                (now, None)
            }
            Some((believed, Some(doubted))) if now >= doubted && now - doubted < DAY_MS => {
                (believed, Some(doubted))
            }
            Some((believed, _)) => (believed, Some(now)),
        };
        connection
            .execute(
                "INSERT INTO clock (one, believed, doubted) VALUES (1, ?1, ?2) \
                 ON CONFLICT (one) DO UPDATE SET believed = excluded.believed, doubted = excluded.doubted",
                params![believed, doubted],
            )
            .doing("noting the time")?;
        Ok(believed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_is_believed_when_a_later_day_finds_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("okcvm.db")).unwrap();
        assert_eq!(store.believed_time().unwrap(), None);
        let begin = 20_000 * DAY_MS;
        assert_eq!(store.look_at_clock(begin).unwrap(), begin);
        assert_eq!(store.look_at_clock(begin + DAY_MS).unwrap(), begin + DAY_MS);
        // Years back, and far ahead once.
        assert_eq!(store.look_at_clock(0).unwrap(), begin + DAY_MS);
        assert_eq!(store.look_at_clock(begin + 70 * DAY_MS).unwrap(), begin + DAY_MS);
        assert_eq!(store.look_at_clock(begin + 70 * DAY_MS + 1).unwrap(), begin + DAY_MS);
        assert_eq!(store.look_at_clock(begin + 2 * DAY_MS).unwrap(), begin + 2 * DAY_MS);
        // Nobody has looked for a month.
        assert_eq!(store.look_at_clock(begin + 30 * DAY_MS).unwrap(), begin + 2 * DAY_MS);
        assert_eq!(store.look_at_clock(begin + 31 * DAY_MS).unwrap(), begin + 31 * DAY_MS);
        assert_eq!(store.believed_time().unwrap(), Some(begin + 31 * DAY_MS));
        // It was far ahead all the time, and was set right.
        assert_eq!(store.look_at_clock(begin).unwrap(), begin + 31 * DAY_MS);
        assert_eq!(store.look_at_clock(begin + DAY_MS).unwrap(), begin + DAY_MS);
    }
}
