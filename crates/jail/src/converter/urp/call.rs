//! One connection: the handshake, then one call at a time.

use super::marshal::{Incoming, Nonsense, Outgoing, Property, Tables, class};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// A connection to the LibreOffice in this process.
pub(in crate::converter) struct Link {
    stream: UnixStream,
    tables: Tables,
}

/// An object on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::converter) struct Object(String);

/// Why a call gave nothing.
#[derive(Debug)]
pub(in crate::converter) enum Failure {
    /// The other side threw this.
    Thrown {
        /// The exception's type.
        kind: String,
        /// The error code, where the exception has one.
        code: Option<u32>,
    },
    /// The object is not there or is not of this kind.
    Nothing,
    /// The connection broke or carried nonsense.
    Broken,
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Failure {
        Failure::Broken
    }
}

impl From<Nonsense> for Failure {
    fn from(_: Nonsense) -> Failure {
        Failure::Broken
    }
}

impl Link {
    /// Shakes hands. The other side begins: it draws lots about who may set the protocol's properties; it is let win, and
    /// asks for calls to carry a context.
    pub(in crate::converter) fn open(stream: UnixStream) -> Result<Link, Failure> {
        let mut link = Link { stream, tables: Tables::default() };
        for expected in [REQUEST_CHANGE, COMMIT_CHANGE] {
            let block = link.block()?;
            let mut message = Incoming::new(&block, &mut link.tables);
            let head = request_head(&mut message)?;
            if head.object != PROPERTIES || head.function != expected {
                return Err(Failure::Broken);
            }
            let mut reply = Outgoing::default();
            reply.byte(LONG_HEADER | NEW_THREAD);
            reply.thread(&head.thread);
            if expected == REQUEST_CHANGE {
                // Yes, yours.
                reply.long(1);
            }
            link.stream.write_all(&reply.into_block())?;
        }
        Ok(link)
    }

    /// The object that a server offers by a name.
    pub(in crate::converter) fn initial(&mut self, name: &str) -> Result<Object, Failure> {
        self.query_interface(&Object(name.to_owned()), "com.sun.star.uno.XInterface")
    }

    /// The same object as another interface of it.
    pub(in crate::converter) fn query_interface(
        &mut self,
        object: &Object,
        interface: &str,
    ) -> Result<Object, Failure> {
        let message = request(object, "com.sun.star.uno.XInterface", 0, |out| {
            out.named_type(class::INTERFACE, interface);
        });
        self.call(message, |reply| {
            let (found, _) = reply.a_type()?;
            if found != class::INTERFACE { Ok(None) } else { an_object(reply) }
        })?
        .ok_or(Failure::Nothing)
    }

    /// A method that takes nothing and gives an object.
    pub(in crate::converter) fn object_of(
        &mut self,
        object: &Object,
        interface: &str,
        function: u8,
    ) -> Result<Object, Failure> {
        let message = request(object, interface, function, |_| {});
        self.call(message, an_object)?.ok_or(Failure::Nothing)
    }

    /// `XMultiComponentFactory::createInstanceWithContext`
    pub(in crate::converter) fn create(
        &mut self,
        factory: &Object,
        service: &str,
        context: &Object,
    ) -> Result<Object, Failure> {
        let message = request(factory, "com.sun.star.lang.XMultiComponentFactory", 3, |out| {
            out.text(service);
            out.object(&context.0);
        });
        self.call(message, an_object)?.ok_or(Failure::Nothing)
    }

    /// `XComponentLoader::loadComponentFromURL` into a new frame.
    pub(in crate::converter) fn load(
        &mut self,
        desktop: &Object,
        url: &str,
        properties: &[Property<'_>],
    ) -> Result<Object, Failure> {
        let message = request(desktop, "com.sun.star.frame.XComponentLoader", 3, |out| {
            out.text(url);
            out.text("_blank");
            out.long(0);
            out.properties(properties);
        });
        self.call(message, an_object)?.ok_or(Failure::Nothing)
    }

    /// `XStorable::storeToURL`
    pub(in crate::converter) fn store(
        &mut self,
        storable: &Object,
        url: &str,
        properties: &[Property<'_>],
    ) -> Result<(), Failure> {
        let message = request(storable, "com.sun.star.frame.XStorable", 8, |out| {
            out.text(url);
            out.properties(properties);
        });
        self.call(message, |_| Ok(()))
    }

    /// `XLoadable::load` into a document that exists already: what it throws tells more than a component loader does.
    pub(in crate::converter) fn fill(&mut self, document: &Object, properties: &[Property<'_>]) -> Result<(), Failure> {
        let message = request(document, "com.sun.star.frame.XLoadable", 4, |out| out.properties(properties));
        self.call(message, |_| Ok(()))
    }

    fn call<T>(
        &mut self,
        message: Outgoing,
        read: impl FnOnce(&mut Incoming<'_>) -> Result<T, Nonsense>,
    ) -> Result<T, Failure> {
        self.stream.write_all(&message.into_block())?;
        let block = self.block()?;
        let mut reply = Incoming::new(&block, &mut self.tables);
        let head = reply.byte()?;
        // Requests would be for objects of ours, and there are none.
        if head & LONG_HEADER == 0 || head & REQUEST != 0 {
            return Err(Failure::Broken);
        }
        if head & NEW_THREAD != 0 {
            reply.thread()?;
        }
        if head & NEW_TYPE_OR_EXCEPTION != 0 {
            return Err(thrown(&mut reply)?);
        }
        Ok(read(&mut reply)?)
    }

    fn block(&mut self) -> Result<Vec<u8>, Failure> {
        let mut head = [0; 8];
        self.stream.read_exact(&mut head)?;
        let [a, b, c, d, count @ ..] = head;
        let size = u32::from_be_bytes([a, b, c, d]);
        // LibreOffice sends every message in a block of its own.
        if u32::from_be_bytes(count) != 1 || size > BLOCK_BYTES_MAX {
            return Err(Failure::Broken);
        }
        let mut block = vec![0; usize::try_from(size).unwrap_or(0)];
        self.stream.read_exact(&mut block)?;
        Ok(block)
    }
}

fn request(object: &Object, interface: &str, function: u8, arguments: impl FnOnce(&mut Outgoing)) -> Outgoing {
    let mut out = Outgoing::default();
    out.byte(LONG_HEADER | REQUEST | NEW_TYPE_OR_EXCEPTION | NEW_OBJECT | NEW_THREAD);
    out.byte(function);
    out.named_type(class::INTERFACE, interface);
    out.object(&object.0);
    out.thread(THREAD);
    // The context of the call.
    out.null_object();
    arguments(&mut out);
    out
}

struct RequestHead {
    object: String,
    function: u16,
    thread: Vec<u8>,
}

/// One of the first two requests of a connection. What is not named is as in the request before it.
fn request_head(message: &mut Incoming<'_>) -> Result<RequestHead, Failure> {
    let same = |function| RequestHead { object: PROPERTIES.to_owned(), function, thread: PROPERTIES_THREAD.to_vec() };
    let head = message.byte()?;
    if head & LONG_HEADER == 0 {
        // The function's number is all there is.
        let low = u16::from(head & 0x3f);
        return Ok(same(if head & FUNCTION_14 != 0 { low << 8 | u16::from(message.byte()?) } else { low }));
    }
    if head & REQUEST == 0 {
        return Err(Failure::Broken);
    }
    if head & MORE_FLAGS != 0 {
        message.byte()?;
    }
    let function = if head & FUNCTION_16 != 0 { message.short()? } else { message.byte()?.into() };
    if head & NEW_TYPE_OR_EXCEPTION != 0 {
        message.a_type()?;
    }
    let mut found = same(function);
    if head & NEW_OBJECT != 0 {
        found.object = message.object()?;
    }
    if head & NEW_THREAD != 0 {
        found.thread = message.thread()?;
    }
    Ok(found)
}

fn an_object(reply: &mut Incoming<'_>) -> Result<Option<Object>, Nonsense> {
    let name = reply.object()?;
    Ok((!name.is_empty()).then_some(Object(name)))
}

fn thrown(reply: &mut Incoming<'_>) -> Result<Failure, Nonsense> {
    let (class, kind) = reply.a_type()?;
    if class != class::EXCEPTION {
        return Err(Nonsense);
    }
    // Its message and where it comes from.
    reply.text()?;
    reply.object()?;
    let code = if kind == "com.sun.star.task.ErrorCodeIOException" { Some(reply.long()?) } else { None };
    Ok(Failure::Thrown { kind, code })
}

const LONG_HEADER: u8 = 0x80;
const REQUEST: u8 = 0x40;
/// In a request that the type is named, in a reply that it is an exception.
const NEW_TYPE_OR_EXCEPTION: u8 = 0x20;
const NEW_OBJECT: u8 = 0x10;
const NEW_THREAD: u8 = 0x08;
const FUNCTION_16: u8 = 0x04;
/// In a short header.
const FUNCTION_14: u8 = 0x40;
const MORE_FLAGS: u8 = 0x01;
/// `com.sun.star.bridge.XProtocolProperties`
const PROPERTIES: &str = "UrpProtocolProperties";
const PROPERTIES_THREAD: &[u8] = b".UrpProtocolPropertiesTid";
const REQUEST_CHANGE: u16 = 4;
const COMMIT_CHANGE: u16 = 5;
/// All calls are made in the name of one thread.
const THREAD: &[u8] = b"room";
/// Replies are names and messages.
const BLOCK_BYTES_MAX: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_and_a_call_go_as_the_protocol_wants() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let other = std::thread::spawn(move || {
            for function in [4, 5] {
                let mut out = Outgoing::default();
                if function == 4 {
                    out.byte(0xf8);
                    out.byte(function);
                    out.named_type(class::INTERFACE, "com.sun.star.bridge.XProtocolProperties");
                    out.object(PROPERTIES);
                    out.thread(PROPERTIES_THREAD);
                    out.long(0);
                } else {
                    // A short header: only the function differs.
                    out.byte(function);
                    out.count(0);
                }
                theirs.write_all(&out.into_block()).unwrap();
                let mut head = [0; 8];
                theirs.read_exact(&mut head).unwrap();
                let mut body = vec![0; usize::from(head[3])];
                theirs.read_exact(&mut body).unwrap();
                assert_eq!(body[0], 0x88, "a reply with its thread");
                assert_eq!(body.ends_with(&[0, 0, 0, 1]), function == 4);
            }
            let mut head = [0; 8];
            theirs.read_exact(&mut head).unwrap();
            let mut body = vec![0; usize::from(head[3])];
            theirs.read_exact(&mut body).unwrap();
            let mut out = Outgoing::default();
            out.byte(0x80 | 0x20 | 0x08);
            out.thread(b"room");
            out.named_type(class::EXCEPTION, "com.sun.star.task.ErrorCodeIOException");
            out.text("no");
            out.null_object();
            out.long(0x31b);
            theirs.write_all(&out.into_block()).unwrap();
        });
        let mut link = Link::open(ours).unwrap();
        match link.initial("x") {
            Err(Failure::Thrown { kind, code: Some(0x31b) }) => assert!(kind.ends_with(".ErrorCodeIOException")),
            other => panic!("{other:?}"),
        }
        other.join().unwrap();
    }
}
