//! The program `cairnd`. All of it is in the library beside this file, but for the allocator, which
//! a program chooses.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cairnd::main()
}
