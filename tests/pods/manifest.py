"""Plays kubelet: makes a pod's volumes as it does, with its owners and modes, and says what podman has to be told of a container."""
import copy
import os
import shutil
import tempfile

import yaml

import keys
from podman import LIMITS

MANIFESTS = os.path.join(os.path.dirname(__file__), "../../agent/pods")
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def documents(name):
    with open(f"{MANIFESTS}/{name}", encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def find(all_documents, kind, name=None):
    return next(it for it in all_documents if it["kind"] == kind and name in (None, it["metadata"]["name"]))


def files_of(all_documents, volume):
    if "configMap" in volume:
        return find(all_documents, "ConfigMap", volume["configMap"]["name"])["data"]
    return find(all_documents, "Secret", volume["secret"]["secretName"])["stringData"]


def write_files(folder, files, mode, group):
    """As kubelet's atomic writer does: names are links through ..data, which is replaced as a whole. A group may read."""
    real = f"{folder}/..1"
    os.makedirs(real)
    for name, text in files.items():
        with open(f"{real}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(f"{real}/{name}", mode if group is None else mode | 0o440)
        os.symlink(f"..data/{name}", f"{folder}/{name}")
        os.chown(f"{real}/{name}", 0, group or 0)
    os.symlink("..1", f"{folder}/..data")
    for each in (folder, real):
        os.chmod(each, 0o755)


class Pod:
    """A pod of a manifest: `owner` is its Deployment or DaemonSet."""

    def __init__(self, all_documents, owner, folder, host=None):
        self.spec = owner["spec"]["template"]["spec"]
        self.group = self.spec["securityContext"].get("fsGroup")
        self.folder = folder
        self.host = host or folder + "/host"
        os.makedirs(folder, mode=0o755)
        for volume in self.spec["volumes"]:
            self.make_volume(all_documents, volume)
        if self.spec.get("automountServiceAccountToken", True):
            files = {"token": "eyJhbGciOiJub25lIn0.e30.", "ca.crt": os.environ["ASSAY_CA"]}
            write_files(self.at("service-account"), files, 0o644, self.group)

    def at(self, name):
        os.makedirs(f"{self.folder}/{name}", exist_ok=True)
        return f"{self.folder}/{name}"

    def make_volume(self, all_documents, volume):
        if "hostPath" in volume:
            if volume["hostPath"].get("type") == "DirectoryOrCreate":
                os.makedirs(self.source(volume["name"]), mode=0o755, exist_ok=True)
            elif not os.path.isdir(self.source(volume["name"])):
                raise FileNotFoundError(self.source(volume["name"]))
            return
        folder = self.at(volume["name"])
        if "emptyDir" in volume:
            os.chown(folder, 0, self.group or 0)
            os.chmod(folder, 0o777 if self.group is None else 0o2777)
            return
        mode = volume.get("configMap", volume.get("secret")).get("defaultMode", 0o644)
        write_files(folder, files_of(all_documents, volume), mode, self.group)

    def source(self, name):
        volume = next(it for it in self.spec["volumes"] if it["name"] == name)
        return self.host + volume["hostPath"]["path"] if "hostPath" in volume else f"{self.folder}/{name}"

    def container(self, name):
        return next(it for it in self.spec.get("initContainers", []) + self.spec["containers"] if it["name"] == name)

    def options(self, name, **instead):
        """`instead`: other values in its security context."""
        container = self.container(name)
        context = {**self.spec["securityContext"], **container["securityContext"], **instead}
        groups = ([] if self.group is None else [self.group]) + context.get("supplementalGroups", [])
        mounts = [f"--volume={self.source(it['name'])}/{it.get('subPath', '')}:{it['mountPath']}" + (":ro" if it.get("readOnly") else "")
                  for it in container["volumeMounts"]]
        if self.spec.get("automountServiceAccountToken", True):
            mounts.append(f"--volume={self.folder}/service-account:{TOKEN_FOLDER}:ro")
        assert context["allowPrivilegeEscalation"] is False and context["seccompProfile"]["type"] == "RuntimeDefault"
        environment = [f"--env={it['name']}={it['value']}" for it in container.get("env", [])]
        return [*LIMITS, *mounts, *environment,
                f"--user={context['runAsUser']}:{context['runAsGroup']}", *(f"--group-add={it}" for it in groups),
                *(f"--cap-drop={it.lower()}" for it in context["capabilities"].get("drop", [])),
                *(f"--cap-add={it.lower()}" for it in context["capabilities"].get("add", [])), "--security-opt=no-new-privileges",
                *(["--read-only", "--read-only-tmpfs=false"] if context["readOnlyRootFilesystem"] else [])]

    def remove(self):
        shutil.rmtree(self.folder)


def with_keys(all_documents, jwks):
    """The same with keys from a file: there is no network, so no issuer. All else stays."""
    config = find(all_documents, "ConfigMap")["data"]
    parsed = yaml.safe_load(config["assayd.yaml"])
    for issuer in parsed["issuers"]:
        issuer["keys"] = {"file": "/etc/assay/keys.json"}
    config["assayd.yaml"] = yaml.safe_dump(parsed)
    config["keys.json"] = jwks
    return all_documents


def played(name):
    """A folder for a test with a key in `keys`; the manifest as it is; and with that key for its issuer."""
    folder = tempfile.mkdtemp(dir=os.environ["ASSAY_PODS"])
    os.chmod(folder, 0o755)
    os.makedirs(folder + "/keys")
    exact = documents(name)
    return folder, exact, with_keys(copy.deepcopy(exact), keys.make_key(folder + "/keys"))
