//! In the office process: LibreOffice on the first thread, and on the second one its user, who loads one document, stores it
//! and ends everything.
//!
//! From the moment the document is opened all of this is assumed to be the document's. What counts is what the supervisor sees
//! when the process is dead.

#![allow(clippy::disallowed_methods, reason = "input and output are files in the room's own memory")]

use super::attempts;
use super::inside::narrow_policy;
use super::root::{SCRATCH, STUBS};
use super::urp::{Failure, Link, Object, Property, Setting};
use super::wire::{News, Order, Start};
use crate::room::job::install_panic_hook;
use crate::sys::message::{self, Patience};
use crate::sys::{confine, descriptor, library, process};
use crate::wire::{
    EXIT_JOB, EXIT_MEMORY, EXIT_OK, EXIT_OUTPUT, FD_JOB, JOB_HEAD_BYTES, JobHead, PARAMS_MAX, Reply, Task,
};
use form::reason::{Reason, Refusal};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The profile's directory below the scratch directory.
pub(super) const PROFILE: &str = "profile";
/// The directory of input and output.
pub(super) const JOB: &str = "job";

/// Becomes LibreOffice. Everything that can be taken away before is taken away.
pub(super) fn run(start: &Start) -> ! {
    let socket = descriptor::take(process::SOCKET);
    let fail = |why: String| -> ! {
        let _ = tell(&socket, &News::Failed(why).encode());
        process::exit(EXIT_JOB)
    };
    let text = |text: String| CString::new(text).unwrap_or_default();
    for (name, value) in [
        (c"HOME", STUBS.to_owned()),
        (c"TMPDIR", SCRATCH.to_owned()),
        (c"LC_ALL", "C.UTF-8".to_owned()),
        (c"SAL_USE_VCLPLUGIN", "svp".to_owned()),
        // No look at extensions, of which there are none.
        (c"DISABLE_EXTENSION_SYNCHRONIZATION", "1".to_owned()),
        (c"SAL_DISABLE_OPENCL", "1".to_owned()),
        (c"SAL_DISABLE_PRINTERLIST", "1".to_owned()),
        (c"SAL_DISABLE_DEFAULTPRINTER", "1".to_owned()),
        // Where LibreOffice is, which it otherwise finds out from the executable's own place.
        (c"URE_BOOTSTRAP", format!("vnd.sun.star.pathname:{}/fundamentalrc", start.program)),
    ] {
        library::set_variable(name, &text(value));
    }
    let libraries = LIBRARIES.map(|library| text(format!("{}/{library}", start.program)));
    let office = match library::load(&libraries) {
        Ok(office) => office,
        Err(library::NotLoaded(why)) => fail(why),
    };
    let arguments = [
        format!("{}/soffice.bin", start.program),
        format!("-env:UserInstallation=file://{SCRATCH}/{PROFILE}"),
        format!("--accept=pipe,name={PIPE};urp"),
        "--headless".to_owned(),
        "--nologo".to_owned(),
        "--nodefault".to_owned(),
        "--norestore".to_owned(),
        "--nolockcheck".to_owned(),
    ]
    .map(text);
    install_panic_hook(&[]);
    let own = start.clone();
    let driver = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || drive(&socket, &own));
    if driver.is_err() {
        process::exit(EXIT_JOB);
    }
    // It comes back only if it does not like where it is.
    let code = office.run(&arguments);
    let socket = descriptor::take(process::SOCKET);
    let _ = tell(&socket, &News::Failed(format!("LibreOffice ended by itself with code {code}")).encode());
    process::exit(EXIT_JOB)
}

fn drive(socket: &OwnedFd, start: &Start) -> ! {
    let mut desk = match Desk::open(start) {
        Ok(desk) => desk,
        Err(failure) => {
            let _ = tell(socket, &News::Failed(format!("no way to talk to LibreOffice: {failure:?}")).encode());
            process::exit(EXIT_JOB)
        }
    };
    // LibreOffice's own handlers would print and abort; here a signal is to end the process under its name.
    let locked = confine::settle_signals().and_then(|()| {
        if !start.setup.seccomp {
            return Ok(());
        }
        narrow_policy(&start.setup)
    });
    if locked.is_err() || tell(socket, &News::Waiting(desk.version.clone()).encode()).is_err() {
        process::exit(EXIT_JOB);
    }
    let mut buffer = Vec::new();
    let received = match message::receive(socket.as_fd(), &mut buffer, JOB_HEAD_BYTES + PARAMS_MAX, Patience::Wait) {
        // Not needed any more.
        Ok(_) if buffer.is_empty() => process::exit(EXIT_OK),
        Ok(received) if !received.truncated => received,
        _ => process::exit(EXIT_JOB),
    };
    let [Some(input), Some(out), _] = received.descriptors else { process::exit(EXIT_JOB) };
    let Some((head, params, _)) = JobHead::decode(&buffer) else { process::exit(EXIT_JOB) };
    let (input, mut out) = (File::from(input), File::from(out));
    let reply = match (head.task, Order::decode(params)) {
        (Task::Probe, _) => {
            let answers = attempts::run_all();
            if out.write_all(&answers).is_err() {
                process::exit(EXIT_OUTPUT);
            }
            Reply::Done { out: answers.len() as u64, side: 0 }
        }
        (Task::Mapped, Some(order)) => match convert(&mut desk, &head, order, &input, &mut out) {
            Ok(bytes) => Reply::Done { out: bytes, side: 0 },
            Err((reason, detail)) => Reply::Refused { refusal: Refusal { reason, limit: 0, value: 0 }, detail },
        },
        _ => process::exit(EXIT_JOB),
    };
    match tell(socket, &reply.encode()) {
        Ok(()) => process::exit(EXIT_OK),
        Err(_) => process::exit(EXIT_JOB),
    }
}

/// LibreOffice's desktop, ready to load something.
struct Desk {
    link: Link,
    context: Object,
    factory: Object,
    loader: Object,
    version: String,
}

impl Desk {
    fn open(start: &Start) -> Result<Desk, Failure> {
        // As LibreOffice names it: with the user's number, where the user is known to the system.
        let paths =
            [format!("{SCRATCH}/OSL_PIPE_{PIPE}"), format!("{SCRATCH}/OSL_PIPE_{}_{PIPE}", process::effective_uid())];
        let stream = loop {
            match paths.iter().find_map(|path| UnixStream::connect(path).ok()) {
                Some(stream) => break stream,
                // Not there yet. The supervisor does not wait for ever.
                None => std::thread::sleep(Duration::from_millis(4)),
            }
        };
        let mut link = Link::open(stream)?;
        let context = link.initial("StarOffice.ComponentContext")?;
        let context = link.query_interface(&context, "com.sun.star.uno.XComponentContext")?;
        let factory = link.object_of(&context, "com.sun.star.uno.XComponentContext", 4)?;
        let desktop = link.create(&factory, "com.sun.star.frame.Desktop", &context)?;
        let loader = link.query_interface(&desktop, "com.sun.star.frame.XComponentLoader")?;
        let version = version(&start.program);
        Ok(Desk { link, context, factory, loader, version })
    }
}

/// As the registry has it, which is what the About box shows.
fn version(program: &str) -> String {
    let bootstrap = std::fs::read_to_string(format!("{program}/bootstraprc")).unwrap_or_default();
    let product = bootstrap.lines().find_map(|line| line.strip_prefix("ProductKey=")).unwrap_or("LibreOffice");
    product.trim().to_owned()
}

/// Loads, stores, and copies what was stored to the output. The reason, where the document is to blame.
fn convert(desk: &mut Desk, head: &JobHead, order: Order<'_>, input: &File, out: &mut File) -> Result<u64, Refused> {
    let input_path = format!("{SCRATCH}/{JOB}/in.{}", order.from.extension());
    let output_path = format!("{SCRATCH}/{JOB}/out.{}", order.to.extension());
    if copy_in(input, head, &input_path).is_err() {
        // The scratch file system is smaller than the input, or the limits contradict each other.
        process::exit(EXIT_OUTPUT);
    }
    let url = format!("file://{input_path}");
    let mut properties = vec![
        Property { name: "FilterName", value: Setting::Text(order.from.filter()) },
        Property { name: "Hidden", value: Setting::Flag(true) },
        Property { name: "Silent", value: Setting::Flag(true) },
        Property { name: "AsTemplate", value: Setting::Flag(false) },
        // MacroExecMode.NEVER_EXECUTE, UpdateDocMode.NO_UPDATE
        Property { name: "MacroExecutionMode", value: Setting::Short(0) },
        Property { name: "UpdateDocMode", value: Setting::Short(0) },
    ];
    if let Some(options) = order.from.filter_options() {
        properties.push(Property { name: "FilterOptions", value: Setting::Text(options) });
    }
    if let Some(password) = order.password {
        properties.push(Property { name: PASSWORD, value: Setting::Text(password) });
    }
    let application = order.from.application();
    let document = match desk.link.load(&desk.loader, &url, &properties) {
        Ok(document) => document,
        Err(Failure::Broken) => process::exit(EXIT_JOB),
        Err(Failure::Nothing | Failure::Thrown { .. }) => return Err(why_not(desk, order, &url, &properties)),
    };
    let storable = match desk.link.query_interface(&document, "com.sun.star.frame.XStorable") {
        Ok(storable) => storable,
        Err(_) => process::exit(EXIT_JOB),
    };
    let filter = [
        Property { name: "FilterName", value: Setting::Text(order.to.filter(application)) },
        Property { name: "Overwrite", value: Setting::Flag(true) },
    ];
    match desk.link.store(&storable, &format!("file://{output_path}"), &filter) {
        Ok(()) => {}
        Err(Failure::Thrown { code: Some(code), .. }) if is_full(code) => process::exit(EXIT_OUTPUT),
        Err(Failure::Thrown { .. } | Failure::Nothing) => {
            short_of_memory();
            return Err((Reason::Malformed, token("store")));
        }
        Err(Failure::Broken) => process::exit(EXIT_JOB),
    }
    let bytes = std::fs::metadata(&output_path).map_or(0, |facts| facts.len());
    if bytes == 0 {
        return Err((Reason::Malformed, token("empty")));
    }
    if bytes > head.out_limit {
        process::exit(EXIT_OUTPUT);
    }
    let copied = File::open(&output_path).and_then(|mut file| io::copy(&mut file, out));
    match copied {
        Ok(copied) => Ok(copied),
        Err(_) => process::exit(EXIT_OUTPUT),
    }
}

fn copy_in(input: &File, head: &JobHead, path: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut buffer = vec![0; COPY_BYTES];
    let (mut at, end) = (head.offset, head.offset.saturating_add(head.len));
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(COPY_BYTES);
        let Some(place) = buffer.get_mut(..wanted) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let read = input.read_at(place, at)?;
        let Some(bytes) = place.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        file.write_all(bytes)?;
        at = at.saturating_add(read as u64);
    }
    Ok(())
}

/// A component loader says only that it did not work; an empty document that is told to load the same says why. It is told no
/// password: an encrypted document then says that it wants one, and nothing else says that, so a wrong password is told apart
/// from a broken document.
fn why_not(desk: &mut Desk, order: Order<'_>, url: &str, properties: &[Property<'_>]) -> Refused {
    short_of_memory();
    let mut again: Vec<Property<'_>> =
        properties.iter().filter(|property| property.name != PASSWORD).cloned().collect();
    again.push(Property { name: "URL", value: Setting::Text(url) });
    let service = order.from.application().service();
    let second = desk.link.create(&desk.factory, service, &desk.context).and_then(|document| {
        let document = desk.link.query_interface(&document, "com.sun.star.frame.XLoadable")?;
        desk.link.fill(&document, &again)
    });
    match second {
        Err(Failure::Thrown { code: Some(code), .. }) => {
            let reason = match code {
                _ if !WANTS_PASSWORD.contains(&code) => Reason::Malformed,
                CANNOT_DECRYPT => Reason::Encrypted,
                _ if order.password.is_some() => Reason::WrongPassword,
                _ => Reason::Encrypted,
            };
            (reason, token(&format!("code-{code:#x}")))
        }
        Err(Failure::Thrown { kind, .. }) => (Reason::Malformed, token(kind.rsplit('.').next().unwrap_or(""))),
        Err(Failure::Nothing | Failure::Broken) => (Reason::Malformed, token("load")),
        // It loads, but not into a window.
        Ok(()) => (Reason::Malformed, token("frame")),
    }
}

/// Why a document was refused, and LibreOffice's own word for it.
type Refused = (Reason, [u8; 16]);

fn token(text: &str) -> [u8; 16] {
    let mut token = [0; 16];
    token.iter_mut().zip(text.bytes().filter(u8::is_ascii_graphic)).for_each(|(place, byte)| *place = byte);
    token
}

/// Whether an error code is of the class "space" (`ErrCodeClass::Space`, bits 8 to 12).
fn is_full(code: u32) -> bool {
    code >> 8 & 0x1f == 9
}

/// A filter that runs out of memory reports any error at all: ask for some more, to see.
fn short_of_memory() {
    let mut trial: Vec<u8> = Vec::new();
    if trial.try_reserve_exact(TRIAL_BYTES).is_err() {
        process::exit(EXIT_MEMORY);
    }
}

fn tell(socket: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    message::send(socket.as_fd(), &[io::IoSlice::new(bytes)], &[])
}

const PASSWORD: &str = "Password";
/// What an encrypted document says that is loaded without a password, by filter: Excel (asking was given up), OpenDocument (no
/// password could be got), Word (as found), Excel's stronger encryption (wrong password), PowerPoint.
const WANTS_PASSWORD: [u32; 5] = [0x11b, 0x4b0b, 0x1000f, 0x10b10, CANNOT_DECRYPT];
/// `ERRCODE_SVX_READ_FILTER_CRYPT`: encrypted in a way that this filter does not read, whatever the password.
const CANNOT_DECRYPT: u32 = 0x10b11;
/// Upstream and Debian link everything into the first; other builds have the second.
const LIBRARIES: [&str; 2] = ["libmergedlo.so", "libsofficeapp.so"];
const PIPE: &str = "room";
const COPY_BYTES: usize = 256 * 1024;
const STACK_BYTES: usize = 1 << 20;
const TRIAL_BYTES: usize = 32 << 20;
const _: () = assert!(FD_JOB == 3, "process::SOCKET is the job socket's number");
