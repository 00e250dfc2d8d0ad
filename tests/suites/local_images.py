"""A pytest plugin: podman-py's tests pull an image always; here it is ours."""

from podman.domain.images_manager import ImagesManager

original = ImagesManager.pull


def pull(self, repository, tag=None, **options):
    if not repository.endswith("/alpine"):
        return original(self, repository, tag, **options)
    self.get("busybox:latest").tag(repository, tag or "latest")
    return self.get(f"{repository}:{tag or 'latest'}")


ImagesManager.pull = pull
