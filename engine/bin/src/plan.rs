//! A plan's file: read, checked, and refused with every reason on a line of its own.

use std::fs;
use std::path::Path;

use glorieta_plan::Plan;
use glorieta_runtime::Problem;

use crate::Exit;

/// Reads a plan; what is wrong has been said when the answer is `Err`.
pub fn read(path: &Path) -> Result<Plan, Exit> {
    let text = fs::read_to_string(path).map_err(|error| {
        eprintln!("glorieta-engine: {}: {error}", path.display());
        Exit::Failed
    })?;
    glorieta_plan::read(&text).map_err(|problem| {
        eprintln!("{}: {problem}", path.display());
        Exit::Refused
    })
}

/// Says every problem; the number of them follows.
pub fn say_problems(path: &Path, problems: &[Problem]) {
    for problem in problems {
        eprintln!("{}: {}: {}", path.display(), problem.path, problem.message);
    }
    eprintln!("{} error{}", problems.len(), if problems.len() == 1 { "" } else { "s" });
}

/// `--check`: everything that can be known without opening a socket.
pub fn check(path: &Path) -> Exit {
    let plan = match read(path) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let problems = glorieta_runtime::check(&plan, true);
    if problems.is_empty() {
        println!("{}: plan {} can be run", path.display(), plan.version);
        return Exit::Ended;
    }
    say_problems(path, &problems);
    Exit::Refused
}
