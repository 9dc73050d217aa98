//! What came of a form, until the page that follows has told it. A form is answered with the way to a page, so that loading that page again
//! does nothing again; the outcome is kept here meanwhile, in memory and for its browser alone, so that no address can claim one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::Unlocking;

/// Outcomes that wait to be told. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Untold {
    outcomes: Arc<Mutex<VecDeque<Outcome>>>,
}

#[derive(Debug)]
struct Outcome {
    /// The form's token, which no other browser has.
    whose: String,
    /// The page.
    place: String,
    what: Unlocking,
    until: Instant,
}

impl Untold {
    /// Keeps an outcome for a page. The oldest of all goes where there are too many.
    pub(crate) fn keep(&self, whose: String, place: String, what: Unlocking) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        outcomes.retain(|other| other.until > now && (other.whose != whose || other.place != place));
        while outcomes.len() >= MOST {
            outcomes.pop_front();
        }
        outcomes.push_back(Outcome { whose, place, what, until: now + LASTS });
    }

    /// What is to be told on a page, once.
    pub(crate) fn take(&self, whose: &str, place: &str) -> Option<Unlocking> {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let at = outcomes.iter().position(|other| other.whose == whose && other.place == place)?;
        outcomes.remove(at).filter(|outcome| outcome.until > Instant::now()).map(|outcome| outcome.what)
    }
}

/// Outcomes that wait at a time.
const MOST: usize = 1000;
/// How long one waits for its page: a browser asks for it at once.
const LASTS: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_told_once_to_its_browser_on_its_page() {
        let untold = Untold::default();
        let keep = |left| untold.keep("token".to_owned(), "/p/1".to_owned(), Unlocking::Wrong { left });
        keep(4);
        keep(3);
        assert_eq!(untold.take("other", "/p/1"), None);
        assert_eq!(untold.take("token", "/p/2"), None);
        assert_eq!(untold.take("token", "/p/1"), Some(Unlocking::Wrong { left: 3 }));
        assert_eq!(untold.take("token", "/p/1"), None);
        keep(2);
        tokio::time::advance(LASTS).await;
        assert_eq!(untold.take("token", "/p/1"), None, "nobody came");
        for number in 0..=MOST {
            untold.keep(number.to_string(), String::new(), Unlocking::Exhausted);
        }
        assert_eq!((untold.take("0", ""), untold.take("1", "")), (None, Some(Unlocking::Exhausted)));
    }
}
