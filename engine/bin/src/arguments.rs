//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

pub const HELP: &str = "\
Runs a glorieta plan, without Python.

Usage: glorieta-engine PLAN.json            serve the plan until SIGTERM
       glorieta-engine --check PLAN.json    say everything that is wrong with it, and end
       glorieta-engine --version | --help

`glorieta plan --json glorieta.yaml > PLAN.json` makes a plan. Both must be of the same version.

Signals
  SIGHUP           read PLAN.json again and apply it; one that cannot be run is said, and the old one stays
  SIGTERM, SIGINT  stop accepting, finish what is under way (at most the plan's drain time), and end
  SIGINT again     cut what is left, and end
  SIGUSR1          open log files again, after they were moved away

Exit codes: 0 ended as asked, 1 failed, 2 the plan was refused
";

/// One invocation, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    Serve(PathBuf),
    Check(PathBuf),
    Version,
    Help,
}

/// Understands the arguments after the program's name; `Err`: what is wrong with them.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut check = false;
    let mut plans = Vec::new();
    let mut only_paths = false;
    for argument in arguments {
        match argument.to_str() {
            Some("--") if !only_paths => only_paths = true,
            Some("--check") if !only_paths => check = true,
            Some("--version" | "-V") if !only_paths => return Ok(Invocation::Version),
            Some("--help" | "-h") if !only_paths => return Ok(Invocation::Help),
            Some(option) if !only_paths && option.starts_with('-') && option.len() > 1 => {
                return Err(format!("there is no option {option}"));
            }
            _ => plans.push(PathBuf::from(argument)),
        }
    }
    let [plan] = <[PathBuf; 1]>::try_from(plans).map_err(|plans| wrong_number(plans.len()))?;
    Ok(if check { Invocation::Check(plan) } else { Invocation::Serve(plan) })
}

fn wrong_number(count: usize) -> String {
    if count == 0 { "no plan is named".into() } else { format!("one plan is run at a time, not {count}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Invocation, String> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn a_plan_is_served_or_checked() {
        assert_eq!(parsed(&["plan.json"]), Ok(Invocation::Serve("plan.json".into())));
        assert_eq!(parsed(&["--check", "plan.json"]), Ok(Invocation::Check("plan.json".into())));
        assert_eq!(parsed(&["plan.json", "--check"]), Ok(Invocation::Check("plan.json".into())));
        assert_eq!(parsed(&["--", "--check"]), Ok(Invocation::Serve("--check".into())));
    }

    #[test]
    fn questions_about_the_program_need_no_plan() {
        assert_eq!(parsed(&["--version"]), Ok(Invocation::Version));
        assert_eq!(parsed(&["-h"]), Ok(Invocation::Help));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parsed(&[]), Err("no plan is named".into()));
        assert_eq!(parsed(&["a", "b"]), Err("one plan is run at a time, not 2".into()));
        assert_eq!(parsed(&["--chek", "a"]), Err("there is no option --chek".into()));
    }
}
