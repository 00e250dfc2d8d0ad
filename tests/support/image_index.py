"""Checks an image in the OCI layout: platforms, labels and attestations.

    image_index.py IMAGE.tar linux/amd64,linux/arm64
"""

import json
import sys
import tarfile

LABELS = ["title", "description", "licenses", "version", "revision", "source"]


def main():
    with tarfile.open(sys.argv[1]) as archive:
        check(archive, sorted(sys.argv[2].split(",")))


def check(archive, platforms):
    """All that a release promises of its image."""

    def blob(descriptor):
        algorithm, digest = descriptor["digest"].split(":")
        return json.load(archive.extractfile(f"blobs/{algorithm}/{digest}"))

    # The layout's index names the image's index, once for each tag.
    index = blob(json.load(archive.extractfile("index.json"))["manifests"][0])
    images = [entry for entry in index["manifests"] if entry["platform"]["os"] != "unknown"]
    assert sorted(platform(entry) for entry in images) == platforms, index
    for image in images:
        labels = blob(blob(image)["config"])["config"]["Labels"]
        for label in LABELS:
            assert labels[f"org.opencontainers.image.{label}"], (label, labels)
        predicates = attested(index, image, blob)
        crates = {package["name"] for package in predicates["https://spdx.dev/Document"]["packages"]}
        assert "httparse" in crates, crates
        provenance = [kind for kind in predicates if kind.startswith("https://slsa.dev/provenance/")]
        assert provenance, predicates.keys()
        print(platform(image), f"{len(crates)} packages in its SBOM,", provenance[0])


def platform(entry):
    """As it is written on the command line."""
    parts = entry["platform"]
    return "/".join(filter(None, [parts["os"], parts["architecture"], parts.get("variant")]))


def attested(index, image, blob):
    """The attestations of one image by their kind."""
    reference = "vnd.docker.reference.digest"
    manifests = [
        blob(entry)
        for entry in index["manifests"]
        if entry.get("annotations", {}).get(reference) == image["digest"]
    ]
    statements = [blob(layer) for manifest in manifests for layer in manifest["layers"]]
    return {statement["predicateType"]: statement["predicate"] for statement in statements}


main()
