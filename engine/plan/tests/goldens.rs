//! The Plans that Python's compiler is tested to make are Plans that the engine reads, whole.

use std::path::Path;

use glorieta_plan::Plan;

#[test]
fn every_golden_is_read_and_written_back_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract/plans");
    let mut goldens = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder of goldens") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable golden");
        let plan: Plan = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let golden: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(serde_json::to_value(&plan).expect("JSON"), golden, "{}", path.display());
        goldens += 1;
    }
    assert!(goldens >= 5, "only {goldens} goldens in {}", folder.display());
}
