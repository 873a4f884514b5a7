//! Plans: what is read is what is written, and a table is built or refused, never half.

use glorieta_plan::Plan;
use glorieta_policy::Table;
use glorieta_policy::reference::as_written;

/// Reads `input` as a Plan. Accepted: it survives being written and read again, and each
/// listener's routes make a table or a list of problems.
pub fn plan_json(input: &[u8]) -> bool {
    let Ok(plan) = serde_json::from_slice::<Plan>(input) else { return false };
    let written = serde_json::to_vec(&plan).expect("a Plan is written");
    let read: Plan = serde_json::from_slice(&written).expect("a written Plan is read");
    assert_eq!(read, plan);
    for listener in &plan.listeners {
        if let Err(problems) = Table::build(&listener.routes, &as_written) {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.message.is_empty()));
        }
    }
    true
}
