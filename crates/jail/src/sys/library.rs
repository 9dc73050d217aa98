//! LibreOffice inside this process: its library is loaded and its main function run.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

/// What `sal/main.h` makes of every executable of LibreOffice: these two calls, then the end.
type Initialize = unsafe extern "C" fn(c_int, *mut *mut c_char);
type Main = unsafe extern "C" fn() -> c_int;

/// The library could not be loaded, in the loader's words.
#[derive(Debug)]
pub(crate) struct NotLoaded(pub(crate) String);

/// LibreOffice, loaded and not yet running.
pub(crate) struct Office {
    initialize: Initialize,
    main: Main,
}

/// Loads the first of these libraries that is there.
pub(crate) fn load(candidates: &[CString]) -> Result<Office, NotLoaded> {
    let mut why = String::new();
    for candidate in candidates {
        // SAFETY: a C string. The library's constructors run, which is what every executable of LibreOffice has them do.
        let library = unsafe { libc::dlopen(candidate.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if library.is_null() {
            why = last_words();
            continue;
        }
        let (initialize, main) = (symbol(library, c"sal_detail_initialize"), symbol(library, c"soffice_main"));
        let (Some(initialize), Some(main)) = (initialize, main) else {
            why = last_words();
            continue;
        };
        // SAFETY: the two have these types in every version since 3.6 (sal/main.h, desktop/source/app/sofficemain.h), and are
        // called with them by the program `soffice.bin`.
        return Ok(unsafe {
            Office {
                initialize: std::mem::transmute::<*mut c_void, Initialize>(initialize),
                main: std::mem::transmute::<*mut c_void, Main>(main),
            }
        });
    }
    Err(NotLoaded(why))
}

impl Office {
    /// Runs it on this thread, which must be the process's first, until it ends by itself. The arguments are those of
    /// `soffice.bin`, its own name included.
    pub(crate) fn run(self, arguments: &[CString]) -> c_int {
        let mut argv: Vec<*mut c_char> = arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
        argv.push(std::ptr::null_mut());
        let count = c_int::try_from(arguments.len()).unwrap_or(0);
        // SAFETY: a terminated list of C strings; LibreOffice keeps the pointer, and the list outlives the call. It does not
        // write to the strings.
        unsafe {
            (self.initialize)(count, argv.as_mut_ptr());
            (self.main)()
        }
    }
}

fn symbol(library: *mut c_void, name: &CStr) -> Option<*mut c_void> {
    // SAFETY: an open library and a C string.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

fn last_words() -> String {
    // SAFETY: dlerror gives a C string that is valid until the next call of the loader, or null; it is copied at once.
    unsafe {
        let words = libc::dlerror();
        if words.is_null() { String::new() } else { CStr::from_ptr(words).to_string_lossy().into_owned() }
    }
}

/// Sets a variable of the environment, for the library to find.
pub(crate) fn set_variable(name: &CStr, value: &CStr) {
    // SAFETY: C strings, copied. Called while this process has one thread.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
}
