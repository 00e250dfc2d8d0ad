//! Commands that only ask.

use super::routes::same_on_every_route;

#[test]
fn version_reads_the_same() {
    same_on_every_route(|client| {
        let version = client.docker(&["version"]);
        assert!(version.success().contains("Server:"), "{version:?}");
        version
    });
}

#[test]
fn lists_of_containers_and_images_read_the_same() {
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let by_name = format!("name={}", client.name);
        let columns = "{{.ID}} {{.Names}} {{.Image}} {{.Command}} {{.State}}";
        let list = client.docker(&["ps", "--no-trunc", "--filter", &by_name, "--format", columns]);
        let list = client.normal_text(&list.success());
        assert_eq!(list, "ID0 NAME busybox:latest \"sh -c 'sleep 600'\" running");
        let images = client.docker(&["images", "--no-trunc", "--quiet", "busybox:latest"]);
        (list, images.success())
    });
}

#[test]
fn questions_about_one_container_read_the_same() {
    same_on_every_route(|client| {
        client.start_container("echo seen; echo changed > /tmp/file; exec sleep 600");
        let name = client.name.as_str();
        let questions: [&[&str]; 5] = [
            &["inspect", "--format", "{{json .Config}}", name],
            &["inspect", "--size", "--format", "{{.SizeRw}}", name],
            &["top", name, "-o", "args"],
            &["port", name],
            &["container", "ls", "--filter", "name=no such container"],
        ];
        questions.map(|question| client.normal(client.docker(question)))
    });
}

#[test]
fn an_error_of_the_engine_reads_the_same() {
    same_on_every_route(|client| {
        let outcome = client.docker(&["inspect", "--type", "container", "no-such"]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr_text().contains("No such container"), "{outcome:?}");
        outcome
    });
}
