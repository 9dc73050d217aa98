//! Statements over many rows at once.
//!
//! sqlx hands each statement to the connection's thread and back (about 20–50 µs), which is more than SQLite needs for
//! the row. So the writer binds up to 64 rows per statement. Row counts are powers of two, which keeps the number of
//! prepared statements small.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, Type};

use crate::Error;

/// A statement with a list of rows in the middle: `head (?,?),(?,?) tail`.
#[derive(Debug)]
pub(crate) struct Many {
    /// What the store is doing, for errors.
    pub(crate) doing: &'static str,
    pub(crate) head: &'static str,
    pub(crate) columns: usize,
    pub(crate) tail: &'static str,
}

/// The texts made so far, by statement and number of rows.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashMap<(&'static str, usize), Arc<str>>);

/// Values for one statement.
pub(crate) struct Values {
    arguments: SqliteArguments,
    failed: bool,
}

impl Values {
    pub(crate) fn add<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.failed |= self.arguments.add(value).is_err();
        self
    }
}

impl Texts {
    fn text(&mut self, many: &'static Many, rows: usize) -> Arc<str> {
        let make = || {
            let row = format!("({})", vec!["?"; many.columns].join(","));
            format!("{}{}{}", many.head, vec![row.as_str(); rows].join(","), many.tail).into()
        };
        self.0.entry((many.doing, rows)).or_insert_with(make).clone()
    }

    /// Runs `many` over `rows`, and returns what it returns.
    pub(crate) async fn run<T>(
        &mut self,
        connection: &mut SqliteConnection,
        many: &'static Many,
        rows: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<Vec<SqliteRow>, Error> {
        let mut answer = Vec::new();
        let mut rest = rows;
        while !rest.is_empty() {
            let count = chunk(rest.len());
            let (now, later) = rest.split_at(count);
            let mut values = Values { arguments: SqliteArguments::default(), failed: false };
            values.arguments.reserve(count.saturating_mul(many.columns), 0);
            now.iter().for_each(|row| bind(&mut values, row));
            if values.failed {
                return Err(Error::Invalid("a value could not be encoded"));
            }
            let text = self.text(many, count);
            let rows = sqlx::query_with(AssertSqlSafe(text), values.arguments)
                .fetch_all(&mut *connection)
                .await
                .map_err(Error::database(many.doing))?;
            answer.extend(rows);
            rest = later;
        }
        Ok(answer)
    }
}

/// The largest power of two that is at most `rows` and at most 64.
fn chunk(rows: usize) -> usize {
    let rows = rows.clamp(1, 64);
    1 << (usize::BITS - 1 - rows.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_bound_in_powers_of_two() {
        let mut sizes = Vec::new();
        let mut rest = 203;
        while rest > 0 {
            sizes.push(chunk(rest));
            rest -= chunk(rest);
        }
        assert_eq!(sizes, [64, 64, 64, 8, 2, 1]);
    }

    #[test]
    fn the_text_repeats_the_row() {
        static MANY: Many = Many { doing: "test", head: "INSERT INTO t VALUES ", columns: 2, tail: " RETURNING a" };
        assert_eq!(&*Texts::default().text(&MANY, 2), "INSERT INTO t VALUES (?,?),(?,?) RETURNING a");
    }
}
