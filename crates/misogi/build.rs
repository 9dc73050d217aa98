//! How the gateway is linked.

fn main() {
    // Each segment of the executable begins in a huge page of its own, so that zygotes can move it onto such pages (jail, sys/pages).
    println!("cargo::rustc-link-arg-bins=-Wl,-z,max-page-size=0x200000");
    println!("cargo::rerun-if-changed=build.rs");
}
