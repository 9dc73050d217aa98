//! Filters of lists that people keep for themselves.

use crate::{Error, Store, UserId};

impl Store {
    /// The filters that somebody keeps, by name: name and query.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn saved_filters(&self, user: UserId) -> Result<Vec<(String, String)>, Error> {
        sqlx::query_as("SELECT name, query FROM saved_filter WHERE user_id = ?1 ORDER BY name")
            .bind(user.0)
            .fetch_all(self.readers())
            .await
            .map_err(Error::database("reading filters"))
    }

    /// Keeps a filter under a name, in place of one that has it.
    ///
    /// # Errors
    /// [`Error::Exists`] when the user has twenty others already; any error of the writer.
    pub async fn save_filter(&self, user: UserId, name: &str, query: &str) -> Result<(), Error> {
        let (name, query) = (name.to_owned(), query.to_owned());
        self.write(move |tx| {
            let (name, query) = (name.clone(), query.clone());
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO saved_filter (user_id, name, query) SELECT ?1, ?2, ?3
                     WHERE (SELECT count(*) FROM saved_filter WHERE user_id = ?1 AND name <> ?2) < ?4
                     ON CONFLICT (user_id, name) DO UPDATE SET query = excluded.query",
                )
                .bind(user.0)
                .bind(name)
                .bind(query)
                .bind(MOST_FILTERS)
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("keeping a filter"))?;
                if done.rows_affected() == 0 { Err(Error::Exists("twenty filters")) } else { Ok(()) }
            })
        })
        .await
    }

    /// Forgets a filter. There need not be one.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn forget_filter(&self, user: UserId, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.write(move |tx| {
            let name = name.clone();
            Box::pin(async move {
                sqlx::query("DELETE FROM saved_filter WHERE user_id = ?1 AND name = ?2")
                    .bind(user.0)
                    .bind(name)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("forgetting a filter"))?;
                Ok(())
            })
        })
        .await
    }
}

/// Filters of one person.
const MOST_FILTERS: i64 = 20;
