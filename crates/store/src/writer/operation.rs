//! Operations that are not run together with others of their kind, and how their callers are answered.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::Error;
use crate::writer::Tx;

/// An infrequent operation. It may be run again after a rollback.
pub(crate) trait Operation: Send {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Step<'a, ()>;
    /// Its own failure, which leaves the others alone.
    fn fail(&mut self, error: Error);
    /// `shared` is the failure of the whole transaction.
    fn answer(self: Box<Self>, shared: Option<&Arc<Error>>);
}

pub(crate) type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// An [`Operation`] made of a closure.
pub(crate) struct Call<F, T> {
    pub(crate) run: F,
    pub(crate) reply: Reply<T>,
}

/// Where a caller waits, and what it will be told if the transaction commits.
pub(crate) struct Reply<T> {
    sender: oneshot::Sender<Result<T, Error>>,
    pub(crate) outcome: Option<Result<T, Error>>,
}

impl<T> Reply<T> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        (Reply { sender, outcome: None }, receiver)
    }

    /// Whether somebody still waits for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(crate) fn send(self, shared: Option<&Arc<Error>>) {
        let answer = match (shared, self.outcome) {
            (Some(error), _) => Err(Error::Transaction(error.clone())),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(Error::Closed),
        };
        // The caller may have gone away; what it asked for is done all the same.
        drop(self.sender.send(answer));
    }
}

impl<F, T> Operation for Call<F, T>
where
    F: for<'a> Fn(&'a mut Tx) -> Step<'a, T> + Send,
    T: Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Step<'a, ()> {
        let step = (self.run)(tx);
        let outcome = &mut self.reply.outcome;
        Box::pin(async move {
            *outcome = Some(Ok(step.await?));
            Ok(())
        })
    }

    fn fail(&mut self, error: Error) {
        self.reply.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>, shared: Option<&Arc<Error>>) {
        self.reply.send(shared);
    }
}
