//! Whether the store can do its work, found out by doing it.

use crate::{Error, Store};

impl Store {
    /// Whether so many bytes may come and leave the reserve untouched.
    ///
    /// # Errors
    /// [`Error::File`] when the free space cannot be found out.
    pub fn has_room_for(&self, bytes: u64) -> Result<bool, Error> {
        Ok(self.free_bytes()? >= self.config().reserve_bytes.saturating_add(bytes))
    }

    /// Whether a mail would be taken now, as far as that is known without writing: what it takes to find out costs no disk.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] or [`Error::Closed`] when the store takes nothing (any more), [`Error::Full`] when less than the reserve is free,
    /// [`Error::File`] when that cannot be found out.
    pub fn takes_mail(&self) -> Result<(), Error> {
        self.has_writer()?;
        if self.free_bytes()? < self.config().reserve_bytes { Err(Error::Full(None)) } else { Ok(()) }
    }

    /// Commits a row and reads it back. `Ok` means that a mail could be accepted now.
    ///
    /// # Errors
    /// [`Error::Full`] when less than the reserve is free, [`Error::Damaged`] when what is read is not what was written,
    /// and any error of the writer.
    pub async fn health(&self) -> Result<(), Error> {
        self.takes_mail()?;
        let written = self
            .write(|tx| {
                Box::pin(async move {
                    let now = tx.now.unix_millis();
                    sqlx::query("INSERT INTO health (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = ?1")
                        .bind(now)
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("writing the health row"))?;
                    Ok(now)
                })
            })
            .await?;
        let (read,): (i64,) = sqlx::query_as("SELECT at FROM health WHERE id = 1")
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("reading the health row"))?;
        // Another check may have written since.
        if read < written { Err(Error::Damaged("the health row")) } else { Ok(()) }
    }
}
