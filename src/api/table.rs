//! The table of operations: Engine API 1.56 and Podman 5.8, checked against real
//! daemons by tests.
//!
//! ```text
//! Name: subject, class, flow, targeting, naming, [Method "template", …], "summary";
//! ```
//!
//! In a template, `{x}` is one segment of the path, and `{x*}` spans slashes where
//! the daemon's own route does. Some operations have several routes: a right, a
//! denial and a finding cover all of them.
//!
//! **Invariant:** of two operations that a path could mean, the earlier row is the
//! one that the daemon routes to. These rows overlap:
//!
//! - `CheckpointDelete` and `ContainerDelete`, whose name spans slashes;
//! - `…DeleteAllLibpod` and the deletion of an image or artifact named `remove`;
//! - `NetworkListLibpod` and the inspection of a network named `json`;
//! - `ImagePushLibpod`, `ImageTagLibpod`, `ImageUntagLibpod` and `ImageScpLibpod`;
//! - the operations on manifests by POST, which differ by Podman's version: `push`
//!   and `add` exist up to version 3 and are names of lists from version 4 on;
//! - `Options` with nothing else, since no other operation has its method.

use super::Class::{Changes, Destroys, Files, Harmless, Host, Reads, Runs, Secrets};
use super::Flow::{Download, Plain, Progress, Stream, Tunnel, Upload};
use super::Naming::{Documented, Ours};
use super::Subject::{
    Artifact, Config, Container, Exec, Image, InQuery, Network, Node, Nothing, Plugin, Pod,
    Quadlet, Secret, Service, Task, Volume,
};
use super::Targeting::{
    Create, Events, InQuery as ByQuery, Join, List, Never, One, Outside, Prune,
};
use super::{Facts, Route, Template, Tree};
use crate::http1::Method;

/// Defines [`Operation`] with the facts of each variant.
macro_rules! operations {
    ($($tree:ident {
        $($name:ident: $subject:expr, $class:ident, $flow:ident,
          $targeting:expr, $naming:ident,
          [$($method:ident $template:literal),+], $summary:literal;)+
    })+) => {
        /// An operation of the Engine's API or of Podman's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Operation {
            $($(#[doc = concat!("The operation ", $summary, ".")] $name,)+)+
        }

        impl Operation {
            /// All operations, in the order of the table.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            /// The operation's row.
            #[must_use]
            pub const fn facts(self) -> &'static Facts {
                match self {
                    $($(Self::$name => const { &Facts {
                        name: stringify!($name),
                        naming: $naming,
                        tree: Tree::$tree,
                        subject: $subject,
                        class: $class,
                        flow: $flow,
                        targeting: $targeting,
                        routes: &[$(Route {
                            method: Method::$method,
                            template: Template::new($template),
                        }),+],
                        summary: $summary,
                    } },)+)+
                }
            }
        }
    };
}

operations! {
Engine {
    ContainerList: Nothing, Reads, Plain, List(Container), Documented, [Get "/containers/json"], "lists containers";
    ContainerCreate: Nothing, Host, Plain, Create(Container), Documented, [Post "/containers/create"], "creates a container";
    ContainerInspect: Container, Secrets, Plain, One, Documented, [Get "/containers/{id*}/json"], "shows one container, with its environment";
    ContainerTop: Container, Secrets, Plain, One, Documented, [Get "/containers/{id*}/top"], "lists processes of a container";
    ContainerLogs: Container, Secrets, Stream, One, Documented, [Get "/containers/{id*}/logs"], "reads the output of a container";
    ContainerChanges: Container, Reads, Plain, One, Documented, [Get "/containers/{id*}/changes"], "lists changed files of a container";
    ContainerExport: Container, Files, Download, One, Documented, [Get "/containers/{id*}/export"], "downloads all files of a container";
    ContainerStats: Container, Reads, Stream, One, Documented, [Get "/containers/{id*}/stats"], "reads resource usage of a container";
    ContainerResize: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/resize"], "resizes the terminal of a container";
    ContainerStart: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/start"], "starts a container";
    ContainerStop: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/stop"], "stops a container";
    ContainerRestart: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/restart"], "restarts a container";
    ContainerKill: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/kill"], "sends a signal to a container";
    ContainerUpdate: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/update"], "changes the limits of a container";
    ContainerRename: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/rename"], "renames a container";
    ContainerPause: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/pause"], "pauses a container";
    ContainerUnpause: Container, Changes, Plain, One, Documented, [Post "/containers/{id*}/unpause"], "resumes a paused container";
    ContainerAttach: Container, Runs, Tunnel, One, Documented, [Post "/containers/{id*}/attach"], "connects to input and output of a container";
    ContainerAttachWebsocket: Container, Runs, Tunnel, One, Documented, [Get "/containers/{id*}/attach/ws"], "connects to input and output of a container";
    ContainerWait: Container, Changes, Stream, One, Documented, [Post "/containers/{id*}/wait"], "waits until a container stops";
    CheckpointDelete: Container, Host, Plain, Never, Ours, [Delete "/containers/{id}/checkpoints/{checkpoint}"], "removes a checkpoint of a container";
    ContainerDelete: Container, Destroys, Plain, One, Documented, [Delete "/containers/{id*}"], "removes a container";
    ContainerArchiveInfo: Container, Reads, Plain, One, Documented, [Head "/containers/{id*}/archive"], "shows the metadata of a file in a container";
    ContainerArchive: Container, Files, Download, One, Documented, [Get "/containers/{id*}/archive"], "downloads files of a container";
    PutContainerArchive: Container, Runs, Upload, One, Documented, [Put "/containers/{id*}/archive"], "writes files into a container";
    ContainerPrune: Nothing, Destroys, Plain, Prune(Container), Documented, [Post "/containers/prune"], "removes all stopped containers";
    ImageList: Nothing, Reads, Plain, Outside, Documented, [Get "/images/json"], "lists images";
    ImageBuild: Nothing, Host, Upload, Outside, Documented, [Post "/build"], "builds an image";
    BuildPrune: Nothing, Destroys, Plain, Outside, Documented, [Post "/build/prune"], "removes the build cache";
    ImageCreate: Nothing, Changes, Progress, Outside, Documented, [Post "/images/create"], "pulls or imports an image";
    ImageInspect: Image, Secrets, Plain, Outside, Documented, [Get "/images/{name*}/json"], "shows one image";
    ImageAttestations: Image, Secrets, Plain, Outside, Documented, [Get "/images/{name*}/attestations"], "shows the attestations of an image";
    ImageHistory: Image, Secrets, Plain, Outside, Documented, [Get "/images/{name*}/history"], "shows the build steps of an image";
    ImagePush: Image, Files, Progress, Outside, Documented, [Post "/images/{name*}/push"], "uploads an image to a registry";
    ImageTag: Image, Changes, Plain, Outside, Documented, [Post "/images/{name*}/tag"], "tags an image";
    ImageDelete: Image, Destroys, Plain, Outside, Documented, [Delete "/images/{name*}"], "removes an image";
    ImageSearch: Nothing, Reads, Plain, Outside, Documented, [Get "/images/search"], "searches a registry for images";
    ImagePrune: Nothing, Destroys, Plain, Outside, Documented, [Post "/images/prune"], "removes unused images";
    SystemAuth: Nothing, Changes, Plain, Outside, Documented, [Post "/auth"], "checks credentials of a registry";
    SystemInfo: Nothing, Reads, Plain, Outside, Documented, [Get "/info"], "shows facts about the host";
    SystemVersion: Nothing, Harmless, Plain, Outside, Documented, [Get "/version"], "shows the version of the daemon";
    SystemPing: Nothing, Harmless, Plain, Outside, Documented, [Get "/_ping"], "checks that the daemon answers";
    SystemPingHead: Nothing, Harmless, Plain, Outside, Documented, [Head "/_ping"], "checks that the daemon answers";
    ImageCommit: InQuery(&Container, "container"), Changes, Plain, ByQuery, Documented, [Post "/commit"], "creates an image from a container";
    SystemEvents: Nothing, Reads, Stream, Events, Documented, [Get "/events"], "follows events of the daemon";
    SystemDataUsage: Nothing, Reads, Plain, Never, Documented, [Get "/system/df"], "shows disk usage";
    ImageGet: Image, Files, Download, Outside, Documented, [Get "/images/{name*}/get"], "downloads an image";
    ImageGetAll: InQuery(&Image, "names"), Files, Download, Outside, Documented, [Get "/images/get"], "downloads images";
    ImageLoad: Nothing, Changes, Upload, Outside, Documented, [Post "/images/load"], "loads images from an archive";
    ContainerExec: Container, Runs, Plain, One, Documented, [Post "/containers/{id*}/exec"], "prepares a command in a container";
    ExecStart: Exec, Runs, Tunnel, One, Documented, [Post "/exec/{id*}/start"], "runs a prepared command in a container";
    ExecResize: Exec, Changes, Plain, One, Documented, [Post "/exec/{id*}/resize"], "resizes the terminal of a command";
    ExecInspect: Exec, Secrets, Plain, One, Documented, [Get "/exec/{id*}/json"], "shows a prepared command";
    VolumeList: Nothing, Secrets, Plain, List(Volume), Documented, [Get "/volumes"], "lists volumes";
    VolumeCreate: Nothing, Host, Plain, Create(Volume), Documented, [Post "/volumes/create"], "creates a volume";
    VolumeInspect: Volume, Secrets, Plain, One, Documented, [Get "/volumes/{name*}"], "shows one volume";
    VolumeUpdate: Volume, Changes, Plain, Never, Documented, [Put "/volumes/{name*}"], "changes a cluster volume";
    VolumeDelete: Volume, Destroys, Plain, One, Documented, [Delete "/volumes/{name*}"], "removes a volume";
    VolumePrune: Nothing, Destroys, Plain, Prune(Volume), Documented, [Post "/volumes/prune"], "removes unused volumes";
    NetworkList: Nothing, Reads, Plain, List(Network), Documented, [Get "/networks", Get "/networks/"], "lists networks";
    NetworkInspect: Network, Reads, Plain, One, Documented, [Get "/networks/{id*}"], "shows one network";
    NetworkDelete: Network, Destroys, Plain, One, Documented, [Delete "/networks/{id*}"], "removes a network";
    NetworkCreate: Nothing, Changes, Plain, Create(Network), Documented, [Post "/networks/create"], "creates a network";
    NetworkConnect: Network, Changes, Plain, Join, Documented, [Post "/networks/{id*}/connect"], "connects a container to a network";
    NetworkDisconnect: Network, Changes, Plain, Join, Documented, [Post "/networks/{id*}/disconnect"], "disconnects a container from a network";
    NetworkPrune: Nothing, Destroys, Plain, Prune(Network), Documented, [Post "/networks/prune"], "removes unused networks";
    PluginList: Nothing, Secrets, Plain, Never, Documented, [Get "/plugins"], "lists plugins";
    GetPluginPrivileges: Nothing, Reads, Plain, Never, Documented, [Get "/plugins/privileges"], "shows the privileges that a plugin needs";
    PluginPull: Nothing, Host, Progress, Never, Documented, [Post "/plugins/pull"], "installs a plugin";
    PluginInspect: Plugin, Secrets, Plain, Never, Documented, [Get "/plugins/{name*}/json"], "shows one plugin";
    PluginDelete: Plugin, Destroys, Plain, Never, Documented, [Delete "/plugins/{name*}"], "removes a plugin";
    PluginEnable: Plugin, Host, Plain, Never, Documented, [Post "/plugins/{name*}/enable"], "enables a plugin";
    PluginDisable: Plugin, Changes, Plain, Never, Documented, [Post "/plugins/{name*}/disable"], "disables a plugin";
    PluginUpgrade: Plugin, Host, Progress, Never, Documented, [Post "/plugins/{name*}/upgrade"], "upgrades a plugin";
    PluginCreate: Nothing, Host, Upload, Never, Documented, [Post "/plugins/create"], "creates a plugin";
    PluginPush: Plugin, Files, Progress, Never, Documented, [Post "/plugins/{name*}/push"], "uploads a plugin to a registry";
    PluginSet: Plugin, Host, Plain, Never, Documented, [Post "/plugins/{name*}/set"], "configures a plugin";
    NodeList: Nothing, Reads, Plain, Never, Documented, [Get "/nodes"], "lists nodes of the swarm";
    NodeInspect: Node, Reads, Plain, Never, Documented, [Get "/nodes/{id}"], "shows one node of the swarm";
    NodeDelete: Node, Destroys, Plain, Never, Documented, [Delete "/nodes/{id}"], "removes a node from the swarm";
    NodeUpdate: Node, Host, Plain, Never, Documented, [Post "/nodes/{id}/update"], "changes a node of the swarm";
    SwarmInspect: Nothing, Host, Plain, Never, Documented, [Get "/swarm"], "shows the swarm, with its join tokens";
    SwarmInit: Nothing, Host, Plain, Never, Documented, [Post "/swarm/init"], "starts a swarm";
    SwarmJoin: Nothing, Host, Plain, Never, Documented, [Post "/swarm/join"], "joins a swarm";
    SwarmLeave: Nothing, Destroys, Plain, Never, Documented, [Post "/swarm/leave"], "leaves the swarm";
    SwarmUpdate: Nothing, Host, Plain, Never, Documented, [Post "/swarm/update"], "changes the swarm";
    SwarmUnlockkey: Nothing, Host, Plain, Never, Documented, [Get "/swarm/unlockkey"], "shows the unlock key of the swarm";
    SwarmUnlock: Nothing, Host, Plain, Never, Documented, [Post "/swarm/unlock"], "unlocks the swarm";
    ServiceList: Nothing, Secrets, Plain, Never, Documented, [Get "/services"], "lists services";
    ServiceCreate: Nothing, Host, Plain, Never, Documented, [Post "/services/create"], "creates a service";
    ServiceInspect: Service, Secrets, Plain, Never, Documented, [Get "/services/{id}"], "shows one service";
    ServiceDelete: Service, Destroys, Plain, Never, Documented, [Delete "/services/{id}"], "removes a service";
    ServiceUpdate: Service, Host, Plain, Never, Documented, [Post "/services/{id}/update"], "changes a service";
    ServiceLogs: Service, Secrets, Stream, Never, Documented, [Get "/services/{id}/logs"], "reads the output of a service";
    TaskList: Nothing, Secrets, Plain, Never, Documented, [Get "/tasks"], "lists tasks";
    TaskInspect: Task, Secrets, Plain, Never, Documented, [Get "/tasks/{id}"], "shows one task";
    TaskLogs: Task, Secrets, Stream, Never, Documented, [Get "/tasks/{id}/logs"], "reads the output of a task";
    SecretList: Nothing, Reads, Plain, Never, Documented, [Get "/secrets"], "lists names of secrets";
    SecretCreate: Nothing, Changes, Plain, Never, Documented, [Post "/secrets/create"], "creates a secret";
    SecretInspect: Secret, Secrets, Plain, Never, Documented, [Get "/secrets/{id}"], "shows one secret, without its value";
    SecretDelete: Secret, Destroys, Plain, Never, Documented, [Delete "/secrets/{id}", Delete "/secret/{id}"], "removes a secret";
    SecretUpdate: Secret, Changes, Plain, Never, Documented, [Post "/secrets/{id}/update"], "changes the labels of a secret";
    ConfigList: Nothing, Secrets, Plain, Never, Documented, [Get "/configs"], "lists configs, with their contents";
    ConfigCreate: Nothing, Changes, Plain, Never, Documented, [Post "/configs/create"], "creates a config";
    ConfigInspect: Config, Secrets, Plain, Never, Documented, [Get "/configs/{id}"], "shows one config, with its contents";
    ConfigDelete: Config, Destroys, Plain, Never, Documented, [Delete "/configs/{id}"], "removes a config";
    ConfigUpdate: Config, Changes, Plain, Never, Documented, [Post "/configs/{id}/update"], "changes the labels of a config";
    DistributionInspect: Image, Reads, Plain, Outside, Documented, [Get "/distribution/{name*}/json"], "looks up an image in a registry";
    Session: Nothing, Host, Tunnel, Outside, Documented, [Post "/session"], "opens a BuildKit session";
    Grpc: Nothing, Host, Tunnel, Outside, Ours, [Post "/grpc"], "opens a BuildKit control connection";
    BuildCancel: Nothing, Changes, Plain, Outside, Ours, [Post "/build/cancel"], "cancels a build";
    CheckpointList: Container, Files, Plain, Never, Ours, [Get "/containers/{id*}/checkpoints"], "lists checkpoints of a container";
    CheckpointCreate: Container, Host, Plain, Never, Ours, [Post "/containers/{id*}/checkpoints"], "writes a checkpoint of a container";
    DebugVars: Nothing, Files, Plain, Never, Ours, [Get "/debug/vars"], "reads internals of the daemon";
    DebugPprof: Nothing, Files, Plain, Never, Ours, [Get "/debug/pprof/{name}"], "profiles the daemon";
    ContainerCopy: Container, Files, Plain, One, Ours, [Post "/containers/{id*}/copy"], "downloads files of a container";
    Options: Nothing, Harmless, Plain, Outside, Ours, [Options "/{any*}", Options "/"], "returns an empty response";
}
Libpod {
    PutContainerArchiveLibpod: Container, Runs, Upload, Never, Documented, [Put "/libpod/containers/{name}/archive"], "writes files into a container";
    ContainerArchiveLibpod: Container, Files, Download, Never, Documented, [Get "/libpod/containers/{name}/archive"], "downloads files of a container";
    ContainerArchiveInfoLibpod: Container, Reads, Plain, Never, Ours, [Head "/libpod/containers/{name}/archive"], "shows the metadata of a file in a container";
    ArtifactInspectLibpod: Artifact, Reads, Plain, Never, Documented, [Get "/libpod/artifacts/{name*}/json"], "shows one artifact";
    ArtifactListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/artifacts/json"], "lists artifacts";
    ArtifactPullLibpod: Nothing, Changes, Plain, Never, Documented, [Post "/libpod/artifacts/pull"], "pulls an artifact";
    ArtifactDeleteAllLibpod: Nothing, Destroys, Plain, Never, Documented, [Delete "/libpod/artifacts/remove"], "removes artifacts";
    ArtifactDeleteLibpod: Artifact, Destroys, Plain, Never, Documented, [Delete "/libpod/artifacts/{name*}"], "removes an artifact";
    ArtifactAddLibpod: Nothing, Changes, Plain, Never, Documented, [Post "/libpod/artifacts/add"], "adds an uploaded file to an artifact";
    ArtifactLocalLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/artifacts/local/add"], "adds a file of the host to an artifact";
    ArtifactPushLibpod: Artifact, Files, Plain, Never, Documented, [Post "/libpod/artifacts/{name*}/push"], "uploads an artifact to a registry";
    ArtifactExtractLibpod: Artifact, Files, Plain, Never, Documented, [Get "/libpod/artifacts/{name*}/extract"], "downloads the files of an artifact";
    ContainerCreateLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/containers/create"], "creates a container";
    ContainerListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/containers/json"], "lists containers";
    ContainerPruneLibpod: Nothing, Destroys, Plain, Never, Documented, [Post "/libpod/containers/prune"], "removes all stopped containers";
    ContainerShowMountedLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/containers/showmounted"], "lists mounted containers";
    ContainerDeleteLibpod: Container, Destroys, Plain, Never, Documented, [Delete "/libpod/containers/{name}"], "removes a container";
    ContainerInspectLibpod: Container, Secrets, Plain, Never, Documented, [Get "/libpod/containers/{name}/json"], "shows one container, with its environment";
    ContainerKillLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/kill"], "sends a signal to a container";
    ContainerMountLibpod: Container, Host, Plain, Never, Documented, [Post "/libpod/containers/{name}/mount"], "mounts the files of a container on the host";
    ContainerUnmountLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/unmount"], "unmounts the files of a container";
    ContainerLogsLibpod: Container, Secrets, Stream, Never, Documented, [Get "/libpod/containers/{name}/logs"], "reads the output of a container";
    ContainerPauseLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/pause"], "pauses a container";
    ContainerRestartLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/restart"], "restarts a container";
    ContainerStartLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/start"], "starts a container";
    ContainerStatsLibpod: Container, Reads, Stream, Never, Documented, [Get "/libpod/containers/{name}/stats"], "reads resource usage of a container";
    ContainersStatsAllLibpod: Nothing, Reads, Stream, Never, Documented, [Get "/libpod/containers/stats"], "reads resource usage of containers";
    ContainerTopLibpod: Container, Secrets, Plain, Never, Documented, [Get "/libpod/containers/{name}/top"], "lists processes of a container";
    ContainerUnpauseLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/unpause"], "resumes a paused container";
    ContainerWaitLibpod: Container, Changes, Stream, Never, Documented, [Post "/libpod/containers/{name}/wait"], "waits for a state of a container";
    ContainerExistsLibpod: Container, Harmless, Plain, Never, Documented, [Get "/libpod/containers/{name}/exists"], "checks that a container exists";
    ContainerStopLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/stop"], "stops a container";
    ContainerAttachLibpod: Container, Runs, Tunnel, Never, Documented, [Post "/libpod/containers/{name}/attach"], "connects to input and output of a container";
    ContainerResizeLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/resize"], "resizes the terminal of a container";
    ContainerExportLibpod: Container, Files, Download, Never, Documented, [Get "/libpod/containers/{name}/export"], "downloads all files of a container";
    ContainerCheckpointLibpod: Container, Files, Plain, Never, Documented, [Post "/libpod/containers/{name}/checkpoint"], "writes a checkpoint of a container";
    ContainerRestoreLibpod: Container, Host, Plain, Never, Documented, [Post "/libpod/containers/{name}/restore"], "restores a container from a checkpoint";
    ContainerChangesLibpod: Container, Reads, Plain, Never, Documented, [Get "/libpod/containers/{name}/changes"], "lists changed files of a container";
    ContainerInitLibpod: Container, Runs, Plain, Never, Documented, [Post "/libpod/containers/{name}/init"], "prepares a container for its start";
    ContainerRenameLibpod: Container, Changes, Plain, Never, Documented, [Post "/libpod/containers/{name}/rename"], "renames a container";
    ContainerUpdateLibpod: Container, Runs, Plain, Never, Documented, [Post "/libpod/containers/{name}/update"], "changes limits and health check of a container";
    SystemEventsLibpod: Nothing, Reads, Stream, Never, Documented, [Get "/libpod/events"], "follows events of the daemon";
    ContainerExecLibpod: Container, Runs, Plain, Never, Documented, [Post "/libpod/containers/{name}/exec"], "prepares a command in a container";
    ExecStartLibpod: Exec, Runs, Tunnel, Never, Documented, [Post "/libpod/exec/{id}/start"], "runs a prepared command in a container";
    ExecResizeLibpod: Exec, Changes, Plain, Never, Documented, [Post "/libpod/exec/{id}/resize"], "resizes the terminal of a command";
    ExecInspectLibpod: Exec, Secrets, Plain, Never, Documented, [Get "/libpod/exec/{id}/json"], "shows a prepared command";
    ExecRemoveLibpod: Exec, Changes, Plain, Never, Ours, [Post "/libpod/exec/{id}/remove"], "removes a prepared command";
    GenerateSystemdLibpod: Container, Secrets, Plain, Never, Documented, [Get "/libpod/generate/{name*}/systemd"], "writes a systemd unit for a container";
    GenerateKubeLibpod: InQuery(&Container, "names"), Secrets, Plain, Never, Documented, [Get "/libpod/generate/kube", Get "/libpod/kube/generate"], "writes Kubernetes YAML for containers";
    ContainerHealthcheckLibpod: Container, Runs, Plain, Never, Documented, [Get "/libpod/containers/{name*}/healthcheck"], "runs the health check of a container";
    ImagePushLibpod: Image, Files, Progress, Never, Documented, [Post "/libpod/images/{name*}/push"], "uploads an image to a registry";
    ImageExistsLibpod: Image, Harmless, Plain, Never, Documented, [Get "/libpod/images/{name*}/exists"], "checks that an image exists";
    ImageTreeLibpod: Image, Reads, Plain, Never, Documented, [Get "/libpod/images/{name*}/tree"], "shows the layers of an image";
    ImageHistoryLibpod: Image, Secrets, Plain, Never, Documented, [Get "/libpod/images/{name*}/history"], "shows the build steps of an image";
    ImageListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/images/json"], "lists images";
    ImageLoadLibpod: Nothing, Changes, Upload, Never, Documented, [Post "/libpod/images/load"], "loads images from an archive";
    LocalImagesLibpod: Nothing, Host, Upload, Never, Documented, [Post "/libpod/local/images/load"], "loads images from a file of the host";
    ImageImportLibpod: Nothing, Files, Upload, Never, Documented, [Post "/libpod/images/import"], "imports an image from an archive or address";
    ImageDeleteAllLibpod: Nothing, Destroys, Plain, Never, Documented, [Delete "/libpod/images/remove"], "removes images";
    ImageDeleteLibpod: Image, Destroys, Plain, Never, Documented, [Delete "/libpod/images/{name*}"], "removes an image";
    ImagePullLibpod: Nothing, Changes, Progress, Never, Documented, [Post "/libpod/images/pull"], "pulls images";
    ImagePruneLibpod: Nothing, Destroys, Plain, Never, Documented, [Post "/libpod/images/prune"], "removes unused images";
    ImageSearchLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/images/search"], "searches a registry for images";
    ImageGetLibpod: Image, Files, Download, Never, Documented, [Get "/libpod/images/{name*}/get"], "downloads an image";
    ImageExportLibpod: Nothing, Files, Download, Never, Documented, [Get "/libpod/images/export"], "downloads images";
    ImageInspectLibpod: Image, Secrets, Plain, Never, Documented, [Get "/libpod/images/{name*}/json"], "shows one image";
    ImageTagLibpod: Image, Changes, Plain, Never, Documented, [Post "/libpod/images/{name*}/tag"], "tags an image";
    ImageCommitLibpod: InQuery(&Container, "container"), Changes, Plain, Never, Documented, [Post "/libpod/commit"], "creates an image from a container";
    ImageUntagLibpod: Image, Changes, Plain, Never, Documented, [Post "/libpod/images/{name*}/untag"], "removes tags of an image";
    ImageChangesLibpod: Image, Reads, Plain, Never, Documented, [Get "/libpod/images/{name}/changes"], "lists files that an image changes";
    ImageBuildLibpod: Nothing, Host, Upload, Never, Documented, [Post "/libpod/build"], "builds an image";
    LocalBuildLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/local/build"], "builds an image from a directory of the host";
    ImageScpLibpod: Nothing, Host, Progress, Never, Documented, [Post "/libpod/images/scp/{name*}"], "copies an image to another host";
    ImageResolveLibpod: Image, Reads, Plain, Never, Documented, [Get "/libpod/images/{name*}/resolve"], "resolves a short image name";
    SystemInfoLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/info"], "shows facts about the host";
    PlayKubeLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/play/kube", Post "/libpod/kube/play"], "creates pods from Kubernetes YAML";
    PlayKubeDownLibpod: Nothing, Destroys, Plain, Never, Documented, [Delete "/libpod/play/kube", Delete "/libpod/kube/play"], "removes pods of Kubernetes YAML";
    KubeApplyLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/kube/apply"], "deploys Kubernetes YAML to a cluster";
    ManifestPushV3Libpod: Image, Files, Plain, Never, Documented, [Post "/libpod/manifests/{name}/push"], "uploads a manifest list to a registry";
    ManifestPushLibpod: Image, Files, Plain, Never, Documented, [Post "/libpod/manifests/{name*}/registry/{destination*}"], "uploads a manifest list to a registry";
    ManifestExistsLibpod: Image, Harmless, Plain, Never, Documented, [Get "/libpod/manifests/{name*}/exists"], "checks that a manifest list exists";
    ManifestInspectLibpod: Image, Reads, Plain, Never, Documented, [Get "/libpod/manifests/{name*}/json"], "shows one manifest list";
    ManifestModifyLibpod: Image, Changes, Plain, Never, Documented, [Put "/libpod/manifests/{name*}"], "changes a manifest list";
    ManifestAddLibpod: Image, Changes, Plain, Never, Documented, [Post "/libpod/manifests/{name*}/add"], "adds an image to a manifest list";
    ManifestCreateLibpod: Image, Changes, Plain, Never, Documented, [Post "/libpod/manifests/{name*}", Post "/libpod/manifests/create"], "creates a manifest list";
    ManifestDeleteLibpod: Image, Destroys, Plain, Never, Documented, [Delete "/libpod/manifests/{name*}"], "removes a manifest list";
    NetworkDeleteLibpod: Network, Destroys, Plain, Never, Documented, [Delete "/libpod/networks/{name}"], "removes a network";
    NetworkUpdateLibpod: Network, Changes, Plain, Never, Documented, [Post "/libpod/networks/{name}/update"], "changes a network";
    NetworkExistsLibpod: Network, Harmless, Plain, Never, Documented, [Get "/libpod/networks/{name}/exists"], "checks that a network exists";
    NetworkListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/networks/json"], "lists networks";
    NetworkInspectLibpod: Network, Reads, Plain, Never, Documented, [Get "/libpod/networks/{name}/json", Get "/libpod/networks/{name}"], "shows one network";
    NetworkCreateLibpod: Nothing, Changes, Plain, Never, Documented, [Post "/libpod/networks/create"], "creates a network";
    NetworkConnectLibpod: Network, Changes, Plain, Never, Documented, [Post "/libpod/networks/{name}/connect"], "connects a container to a network";
    NetworkDisconnectLibpod: Network, Changes, Plain, Never, Documented, [Post "/libpod/networks/{name}/disconnect"], "disconnects a container from a network";
    NetworkPruneLibpod: Nothing, Destroys, Plain, Never, Documented, [Post "/libpod/networks/prune"], "removes unused networks";
    SystemPingLibpod: Nothing, Harmless, Plain, Never, Ours, [Get "/libpod/_ping"], "checks that the daemon answers";
    SystemPingHeadLibpod: Nothing, Harmless, Plain, Never, Ours, [Head "/libpod/_ping"], "checks that the daemon answers";
    PodListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/pods/json"], "lists pods";
    PodCreateLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/pods/create"], "creates a pod";
    PodPruneLibpod: Nothing, Destroys, Plain, Never, Documented, [Post "/libpod/pods/prune"], "removes all stopped pods";
    PodDeleteLibpod: Pod, Destroys, Plain, Never, Documented, [Delete "/libpod/pods/{name}"], "removes a pod";
    PodInspectLibpod: Pod, Secrets, Plain, Never, Documented, [Get "/libpod/pods/{name}/json"], "shows one pod";
    PodExistsLibpod: Pod, Harmless, Plain, Never, Documented, [Get "/libpod/pods/{name}/exists"], "checks that a pod exists";
    PodKillLibpod: Pod, Changes, Plain, Never, Documented, [Post "/libpod/pods/{name}/kill"], "sends a signal to a pod";
    PodPauseLibpod: Pod, Changes, Plain, Never, Documented, [Post "/libpod/pods/{name}/pause"], "pauses a pod";
    PodRestartLibpod: Pod, Changes, Plain, Never, Documented, [Post "/libpod/pods/{name}/restart"], "restarts a pod";
    PodStartLibpod: Pod, Changes, Plain, Never, Documented, [Post "/libpod/pods/{name}/start"], "starts a pod";
    PodStopLibpod: Pod, Changes, Plain, Never, Documented, [Post "/libpod/pods/{name}/stop"], "stops a pod";
    PodUnpauseLibpod: Pod, Changes, Plain, Never, Documented, [Post "/libpod/pods/{name}/unpause"], "resumes a paused pod";
    PodTopLibpod: Pod, Secrets, Plain, Never, Documented, [Get "/libpod/pods/{name}/top"], "lists processes of a pod";
    PodStatsAllLibpod: Nothing, Reads, Stream, Never, Documented, [Get "/libpod/pods/stats"], "reads resource usage of pods";
    QuadletListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/quadlets/json"], "lists quadlets";
    QuadletFileLibpod: Quadlet, Files, Plain, Never, Documented, [Get "/libpod/quadlets/{name}/file"], "reads the file of a quadlet";
    QuadletExistsLibpod: Quadlet, Harmless, Plain, Never, Documented, [Get "/libpod/quadlets/{name}/exists"], "checks that a quadlet exists";
    QuadletInstallLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/quadlets"], "installs quadlets";
    QuadletDeleteAllLibpod: Nothing, Destroys, Plain, Never, Documented, [Delete "/libpod/quadlets"], "removes quadlets";
    QuadletDeleteLibpod: Quadlet, Destroys, Plain, Never, Documented, [Delete "/libpod/quadlets/{name}"], "removes a quadlet";
    SecretCreateLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/secrets/create"], "creates a secret";
    SecretListLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/secrets/json"], "lists names of secrets";
    SecretInspectLibpod: Secret, Secrets, Plain, Never, Documented, [Get "/libpod/secrets/{name}/json"], "shows one secret, with its value if requested";
    SecretExistsLibpod: Secret, Harmless, Plain, Never, Documented, [Get "/libpod/secrets/{name}/exists"], "checks that a secret exists";
    SecretDeleteLibpod: Secret, Destroys, Plain, Never, Documented, [Delete "/libpod/secrets/{name}"], "removes a secret";
    SystemCheckLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/system/check"], "checks and repairs the storage";
    SystemPruneLibpod: Nothing, Destroys, Plain, Never, Documented, [Post "/libpod/system/prune"], "removes everything unused";
    SystemDataUsageLibpod: Nothing, Reads, Plain, Never, Documented, [Get "/libpod/system/df"], "shows disk usage";
    SystemVersionLibpod: Nothing, Harmless, Plain, Never, Documented, [Get "/libpod/version"], "shows the version of the daemon";
    SwaggerLibpod: Nothing, Harmless, Plain, Never, Ours, [Get "/libpod/swagger"], "reads the API document";
    VolumeCreateLibpod: Nothing, Host, Plain, Never, Documented, [Post "/libpod/volumes/create"], "creates a volume";
    VolumeExistsLibpod: Volume, Harmless, Plain, Never, Documented, [Get "/libpod/volumes/{name}/exists"], "checks that a volume exists";
    VolumeListLibpod: Nothing, Secrets, Plain, Never, Documented, [Get "/libpod/volumes/json"], "lists volumes";
    VolumePruneLibpod: Nothing, Destroys, Plain, Never, Documented, [Post "/libpod/volumes/prune"], "removes unused volumes";
    VolumeInspectLibpod: Volume, Secrets, Plain, Never, Documented, [Get "/libpod/volumes/{name}/json"], "shows one volume";
    VolumeDeleteLibpod: Volume, Destroys, Plain, Never, Documented, [Delete "/libpod/volumes/{name}"], "removes a volume";
    VolumeExportLibpod: Volume, Files, Download, Never, Documented, [Get "/libpod/volumes/{name}/export"], "downloads the files of a volume";
    VolumeImportLibpod: Volume, Runs, Upload, Never, Documented, [Post "/libpod/volumes/{name}/import"], "writes files into a volume";
}
}

impl Operation {
    /// The operation of this name, compared exactly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.facts().name == name)
    }

    /// The operation's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The access that the operation gives.
    #[must_use]
    pub fn class(self) -> super::Class {
        self.facts().class
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
