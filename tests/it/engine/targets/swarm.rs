//! Objects of a swarm.

use crate::engine::api::Api;
use crate::engine::safe_create::swarm;
use crate::support::PATIENCE;
use crate::support::process::until;
use crate::support::proxy::{Listen, Proxy};
use serde_json::{Value, json};

const ALLOW: &str = "-allow=ServiceList,ServiceInspect,TaskList,TaskInspect";
const SECRET: &str = "secret-of-a-service";

#[test]
fn environments_of_services_and_tasks_are_hidden() {
    let Some(engine) = swarm() else { return };
    let straight = Api::straight(engine.socket());
    let container = json!({"Image": "busybox:latest", "Env": [format!("PASSWORD={SECRET}")]});
    let service = json!({"Name": "s", "TaskTemplate": {"ContainerSpec": container}}).to_string();
    let made = straight.post("/services/create", &service);
    assert_eq!(made.status, 201, "{}", made.text);
    let of_service = format!("/services/{}", text(&made.json()["ID"]));
    let task = || Some(straight.get("/tasks")[0]["ID"].clone()).filter(Value::is_string);
    let task = until(PATIENCE, task).expect("a task");
    let of_task = format!("/tasks/{}", text(&task));
    let proxy = Proxy::start(Listen::Unix, engine.socket(), &[ALLOW, "-hideenv"]);
    let hiding = Api::at(proxy.host());
    for path in ["/services", "/tasks", &of_service, &of_task] {
        let shown = straight.call("GET", path, "");
        assert!(shown.text.contains(SECRET), "{path} has it: {}", shown.text);
        let hidden = hiding.call("GET", path, "");
        assert_eq!(hidden.status, 200, "{path}: {}", hidden.text);
        assert!(!hidden.text.contains(SECRET), "{path}: {}", hidden.text);
        assert!(hidden.text.contains("busybox"), "{path}: {}", hidden.text);
    }
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().expect("an id")
}
