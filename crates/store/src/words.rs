//! What people search by: an index of trigrams (SQLite's FTS5) over normalised text, beside the rows.
//!
//! Text is brought to one form (NFKC, lower case), so that half width finds full width. A trigram index finds nothing shorter than
//! three characters, and two are a whole word in Japanese: so each character beyond ASCII is followed by a mark, which makes two of
//! them four characters. One such character, or one or two of ASCII, are looked for among the newest rows without the index.
//!
//! Every statement that makes or ends a row of `message` or `quarantine` names it here; the texts are read and indexed at the end
//! of the same transaction.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use unicode_normalization::UnicodeNormalization;

use crate::codec;
use crate::sql::Many;
use crate::writer::Tx;
use crate::{Error, Store};

/// Rows whose texts are to be indexed at the end of a transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    messages: Vec<i64>,
    items: Vec<i64>,
}

impl Pending {
    /// A message has all its texts now.
    pub(crate) fn message(&mut self, id: i64) {
        self.messages.push(id);
    }

    /// An original is in quarantine.
    pub(crate) fn item(&mut self, id: i64) {
        self.items.push(id);
    }

    /// How far it is filled, for [`truncate`](Self::truncate).
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.messages.len(), self.items.len())
    }

    /// Forgets what was added since.
    pub(crate) fn truncate(&mut self, (messages, items): (usize, usize)) {
        self.messages.truncate(messages);
        self.items.truncate(items);
    }
}

/// Indexes what is pending.
pub(crate) async fn write(tx: &mut Tx, pending: &Pending) -> Result<(), Error> {
    messages(tx, &pending.messages).await?;
    items(tx, &pending.items).await
}

async fn messages(tx: &mut Tx, ids: &[i64]) -> Result<(), Error> {
    let rows = tx
        .many(&READ_MESSAGES, ids, |values, id| {
            values.add(*id);
        })
        .await?;
    let texts = rows.iter().map(message_texts).collect::<Result<Vec<_>, _>>()?;
    tx.many(&INDEX_MESSAGES, &texts, |values, (id, texts)| {
        values.add(*id);
        texts.iter().for_each(|text| {
            values.add(text.as_str());
        });
    })
    .await?;
    Ok(())
}

async fn items(tx: &mut Tx, ids: &[i64]) -> Result<(), Error> {
    let rows = tx
        .many(&READ_ITEMS, ids, |values, id| {
            values.add(*id);
        })
        .await?;
    let texts = rows.iter().map(item_texts).collect::<Result<Vec<_>, _>>()?;
    tx.many(&INDEX_ITEMS, &texts, |values, (id, texts)| {
        values.add(*id);
        texts.iter().for_each(|text| {
            values.add(text.as_str());
        });
    })
    .await?;
    Ok(())
}

fn message_texts(row: &SqliteRow) -> Result<(i64, [String; 6]), Error> {
    let get = |error| Error::database("reading texts of messages")(error);
    let text = |at: usize| row.try_get::<Option<&str>, _>(at).map(Option::unwrap_or_default).map_err(get);
    let recipients = codec::list(text(3)?)?.join("\n");
    let from = [text(2)?, text(4)?].join("\n");
    // An upload has no subject; its name is what people know it by.
    let names = [text(6)?, text(7)?].join("\n");
    let marks = marks(row.try_get(8).map_err(get)?, row.try_get(9).map_err(get)?);
    let texts = [form(text(1)?), form(&from), form(&recipients), form(text(5)?), form(&names), marks];
    Ok((row.try_get(0).map_err(get)?, texts))
}

fn item_texts(row: &SqliteRow) -> Result<(i64, [String; 5]), Error> {
    let get = |error| Error::database("reading texts of the quarantine")(error);
    let text = |at: usize| row.try_get::<Option<&str>, _>(at).map(Option::unwrap_or_default).map_err(get);
    let marks = marks(row.try_get(5).map_err(get)?, row.try_get(6).map_err(get)?);
    let texts = [form(text(1)?), form(text(2)?), form(text(3)?), form(text(4)?), marks];
    Ok((row.try_get(0).map_err(get)?, texts))
}

/// Two codes as words that can be asked for together with text. The first is a message's origin or an item's state as it was
/// made, the second its verdict or reason.
fn marks(first: i64, second: Option<i64>) -> String {
    second.map_or_else(|| mark('o', first), |second| format!("{} {}", mark('o', first), mark('v', second)))
}

fn mark(kind: char, code: i64) -> String {
    format!("{MARK}{kind}{code}{MARK}")
}

/// The text as it is indexed and looked for.
pub(crate) fn form(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    for character in text.nfkc().flat_map(char::to_lowercase).take(CHARACTERS) {
        match character {
            // Nobody's text can hold a mark of ours.
            character if character.is_control() => out.push('\n'),
            character if character.is_ascii() => out.push(character),
            character => out.extend([character, MARK]),
        }
    }
    out
}

/// A search in the index, as FTS5 reads it.
#[derive(Debug, Default)]
pub(crate) struct Search {
    terms: Vec<String>,
    /// A text was too short for the index.
    short: bool,
}

impl Search {
    /// In these columns (any of them), the text must stand.
    pub(crate) fn text(&mut self, columns: &str, text: &str) {
        let text = form(text.trim());
        if text.is_empty() {
            return;
        }
        if text.chars().count() < 3 {
            self.short = true;
            return;
        }
        self.terms.push(format!("{{{columns}}} : \"{}\"", text.replace('"', "\"\"")));
    }

    /// The origin of a message.
    pub(crate) fn origin(&mut self, code: i64) {
        self.terms.push(format!("marks : \"{}\"", mark('o', code)));
    }

    /// The verdict on a message, or the reason of an item.
    pub(crate) fn verdict(&mut self, code: i64) {
        self.terms.push(format!("marks : \"{}\"", mark('v', code)));
    }

    /// The expression; `None` where the index cannot answer, because a text is too short or there is none.
    pub(crate) fn expression(&self) -> Option<String> {
        (!self.short && !self.terms.is_empty()).then(|| self.terms.join(" AND "))
    }
}

impl Store {
    /// Indexes what was stored before there was an index, newest first, in small transactions. Answers how many rows it read.
    ///
    /// # Errors
    /// Any error of the writer; what was indexed stays so, and the next call goes on.
    pub async fn index_words(&self) -> Result<u64, Error> {
        let mut done = 0u64;
        loop {
            let step = self.write(|tx| Box::pin(backfill(tx))).await?;
            if step == 0 {
                return Ok(done);
            }
            done = done.saturating_add(step);
            // Mail goes first.
            tokio::task::yield_now().await;
        }
    }
}

async fn backfill(tx: &mut Tx) -> Result<u64, Error> {
    for (counter, list) in [
        (
            "messages_to_index",
            "SELECT id FROM message WHERE id <= ?1 AND verdict IS NOT NULL ORDER BY id DESC LIMIT ?2",
        ),
        ("items_to_index", "SELECT id FROM quarantine WHERE id <= ?1 ORDER BY id DESC LIMIT ?2"),
    ] {
        let get = |error| Error::database("indexing")(error);
        let highest: Option<(i64,)> = sqlx::query_as("SELECT value FROM counter WHERE name = ?1")
            .bind(counter)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(get)?;
        let highest = highest.map_or(0, |(value,)| value);
        let ids: Vec<(i64,)> =
            sqlx::query_as(list).bind(highest).bind(STEP).fetch_all(&mut tx.connection).await.map_err(get)?;
        let Some((lowest,)) = ids.last() else { continue };
        tx.many(&crate::writer::SET_COUNTER, &[(counter, lowest.saturating_sub(1))], |values, (name, value)| {
            values.add(*name).add(*value);
        })
        .await?;
        let ids: Vec<i64> = ids.iter().map(|(id,)| *id).collect();
        match counter {
            "messages_to_index" => messages(tx, &ids).await?,
            _ => items(tx, &ids).await?,
        }
        return Ok(u64::try_from(ids.len()).unwrap_or(0));
    }
    Ok(0)
}

static READ_MESSAGES: Many = Many {
    doing: "reading texts of messages",
    head: "SELECT m.id, m.receipt, m.sender, m.recipients, m.header_from, m.subject, m.file_name, \
           (SELECT group_concat(p.name, char(10)) FROM part p WHERE p.message = m.id), m.origin, m.verdict \
           FROM message m WHERE m.id IN (VALUES ",
    columns: 1,
    tail: ")",
};

static READ_ITEMS: Many = Many {
    doing: "reading texts of the quarantine",
    head: "SELECT q.id, m.receipt, m.sender, m.subject, q.name, m.origin, q.reason \
           FROM quarantine q JOIN message m ON m.id = q.message WHERE q.id IN (VALUES ",
    columns: 1,
    tail: ")",
};

/// A step may run twice, and then its row is there already.
static INDEX_MESSAGES: Many = Many {
    doing: "indexing messages",
    head: "INSERT OR REPLACE INTO message_words (rowid, receipt, sender, recipients, subject, names, marks) VALUES ",
    columns: 7,
    tail: "",
};

static INDEX_ITEMS: Many = Many {
    doing: "indexing the quarantine",
    head: "INSERT OR REPLACE INTO item_words (rowid, receipt, sender, subject, name, marks) VALUES ",
    columns: 6,
    tail: "",
};

/// Follows each character beyond ASCII, and stands around codes. Controls of a text never get here.
const MARK: char = '\u{1}';
/// Characters of one text that are indexed: an archive of a thousand files has more names than anybody looks for.
const CHARACTERS: usize = 8_000;
/// Rows in one transaction of [`Store::index_words`].
const STEP: i64 = 500;
/// Without the index, so many of the newest rows are looked at. There is none on recipients.
pub(crate) const LOOKED_AT: i64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_people_take_for_the_same_have_one_form() {
        assert_eq!(form("ＡＢＣ.XLSX"), form("abc.xlsx"));
        assert_eq!(form("ﾐﾂﾓﾘ"), form("ミツモリ"));
        assert_eq!(form("見積"), "見\u{1}積\u{1}");
        assert_eq!(form("a\u{1}\tb"), "a\n\nb", "no text can hold a mark");
    }

    #[test]
    fn part_of_a_text_has_a_part_of_its_form() {
        let whole = form("RE: A4見積書(最終)ｶﾞｲﾄﾞ.xlsx");
        for part in ["見積", "a4見", "書(最", "ガイド", "最終)ガ", ".XLSX"] {
            assert!(whole.contains(&form(part)), "{part}");
        }
        assert!(!whole.contains(&form("積最")));
    }

    #[test]
    fn what_is_typed_is_text_and_never_an_expression() {
        let expression = |text: &str| {
            let mut search = Search::default();
            search.text("subject names", text);
            search.expression()
        };
        assert_eq!(expression("a\" OR \"b").unwrap(), "{subject names} : \"a\"\" or \"\"b\"");
        assert_eq!(expression("見積").unwrap(), "{subject names} : \"見\u{1}積\u{1}\"");
        assert_eq!((expression("ab"), expression("税"), expression("  ")), (None, None, None));
    }
}
