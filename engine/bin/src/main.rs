//! `glorieta-engine`: runs a plan without Python, for small node daemons.
//!
//! Whatever makes plans runs elsewhere; this reads one, serves it, and follows signals.

mod arguments;
mod notify;
mod plan;
mod serve;
mod signals;

use std::process::ExitCode;

use arguments::{HELP, Invocation};
/// How the program ends; the numbers are part of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ended = 0,
    Failed = 1,
    Refused = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

fn main() -> ExitCode {
    let exit = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Serve(path)) => serve::serve(&path),
        Ok(Invocation::Check(path)) => plan::check(&path),
        Ok(Invocation::Version) => {
            println!("glorieta-engine {} (plan format {})", env!("CARGO_PKG_VERSION"), glorieta_plan::FORMAT);
            Exit::Ended
        }
        Ok(Invocation::Help) => {
            print!("{HELP}");
            Exit::Ended
        }
        Err(mistake) => {
            eprintln!("glorieta-engine: {mistake}; glorieta-engine --help says how");
            Exit::Failed
        }
    };
    exit.into()
}
