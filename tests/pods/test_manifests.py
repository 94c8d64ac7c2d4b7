"""The manifests against the types of Kubernetes' API (an unknown field, a wrong type, a missing one is an error), and within themselves."""
import copy
import json
import os
import subprocess
import tempfile
import unittest

import yaml

from manifest import documents, find

NAMES = ("sidecar.yaml", "daemonset.yaml")
TYPES = os.environ.get("ASSAY_KUBERNETES_TYPES", "")


def check(all_documents):
    """What the compiler has against them: a literal may have nothing that its type does not know, however deep."""
    with tempfile.TemporaryDirectory(dir=TYPES) as folder:
        with open(folder + "/all.ts", "w", encoding="utf-8") as file:
            for number, document in enumerate(all_documents):
                version = document["apiVersion"]
                module = version if "/" in version else "core/" + version
                file.write(f"import type {{ {document['kind']} as T{number} }} from 'kubernetes-types/{module}';\n")
                file.write(f"export const it{number}: T{number} = {json.dumps(document)};\n")
        compiler = [TYPES + "/node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "all.ts"]
        return subprocess.run(compiler, cwd=folder, timeout=60, capture_output=True, text=True, check=False).stdout


@unittest.skipUnless(TYPES, "the types of Kubernetes' API are not installed")
class Types(unittest.TestCase):
    def test_manifests_are_of_their_types(self):
        for name in NAMES:
            self.assertEqual(check(documents(name)), "")

    def test_mistakes_are_found(self):
        """That the check would notice: each of these is made in a good manifest."""
        def spec(it):
            return it["spec"]["template"]["spec"]
        mistakes = (
            ("restartPolcy", lambda it: spec(it)["initContainers"][0].update(restartPolcy="Always")),
            ("readonly", lambda it: spec(it)["containers"][0]["volumeMounts"][0].update(readonly=True)),
            ("mountPath", lambda it: spec(it)["containers"][0]["volumeMounts"][0].pop("mountPath")),
            ("not assignable to type 'number'", lambda it: spec(it)["containers"][0]["securityContext"].update(runAsUser="1000")),
            ("selector", lambda it: it["spec"].pop("selector")),
        )
        good = documents("sidecar.yaml")
        for word, mistake in mistakes:
            bad = copy.deepcopy(good)
            mistake(find(bad, "Deployment"))
            self.assertIn(word, check(bad))


class Within(unittest.TestCase):
    """What the types do not know."""

    def owners(self):
        for name in NAMES:
            all_documents = documents(name)
            for document in all_documents:
                if document["kind"] in ("Deployment", "DaemonSet"):
                    yield all_documents, document, document["spec"]["template"]["spec"]

    def test_names_lead_somewhere(self):
        for all_documents, owner, spec in self.owners():
            self.assertEqual(owner["spec"]["selector"]["matchLabels"], owner["spec"]["template"]["metadata"]["labels"])
            volumes = {it["name"]: it for it in spec["volumes"]}
            mounted = [mount["name"] for it in spec.get("initContainers", []) + spec["containers"] for mount in it["volumeMounts"]]
            self.assertEqual(set(mounted), set(volumes))
            for volume in volumes.values():
                if "configMap" in volume:
                    find(all_documents, "ConfigMap", volume["configMap"]["name"])
                if "secret" in volume:
                    find(all_documents, "Secret", volume["secret"]["secretName"])
            if "serviceAccountName" in spec:
                find(all_documents, "ServiceAccount", spec["serviceAccountName"])

    def test_rights_of_all_containers(self):
        for _, _, spec in self.owners():
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for it in spec.get("initContainers", []) + spec["containers"]:
                context = {**spec["securityContext"], **it["securityContext"]}
                self.assertIs(context["readOnlyRootFilesystem"], True)
                self.assertIs(context["allowPrivilegeEscalation"], False)
                self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                if it["name"] != "folders":
                    self.assertIs(context["runAsNonRoot"], True)
                    self.assertNotIn("add", context["capabilities"])
                    self.assertEqual(context["runAsUser"] == 10001, it["name"] == "assayd")

    def test_applications_mount_the_socket_alone_and_only_to_read(self):
        for _, _, spec in self.owners():
            for it in spec["containers"]:
                if it["name"] != "assayd":
                    mount, = it["volumeMounts"]
                    self.assertEqual((mount["name"], mount["mountPath"], mount["readOnly"]), ("assay-socket", "/run/assay", True))

    def test_applications_are_peers(self):
        for all_documents, _, spec in self.owners():
            peers = yaml.safe_load(find(all_documents, "ConfigMap")["data"]["assayd.yaml"])["peers"]
            for it in spec["containers"]:
                if it["name"] != "assayd":
                    self.assertIn((it["name"], it["securityContext"]["runAsUser"]), [(peer["name"], peer["uid"]) for peer in peers])

    def test_both_run_the_same_agent(self):
        specs = [spec for _, _, spec in self.owners()]
        agents = [it for spec in specs for it in spec.get("initContainers", []) + spec["containers"] if it["name"] == "assayd"]
        self.assertEqual(len(agents), 2)
        for key in ("image", "startupProbe", "livenessProbe"):
            self.assertEqual(agents[0][key], agents[1][key])
