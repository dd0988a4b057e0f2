package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;

/** The base for Kubernetes says what the Compose files say. No cluster is asked. */
@ExtendWith(Docker.class)
class KubernetesTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Of a resource what Kubernetes knows, without the properties that the model keeps although it does not know them. */
    private static final ObjectMapper KNOWN = new ObjectMapper().setAnnotationIntrospector(new JacksonAnnotationIntrospector() {

        @Override
        public Boolean hasAnyGetter(Annotated annotated) {
            return false;
        }
    });

    @TempDir
    static Path project;

    private static final List<HasMetadata> resources = new ArrayList<>();
    private static final Map<String, PodTemplateSpec> pods = new HashMap<>();
    private static JsonNode compose;

    @BeforeAll
    static void render() throws IOException {
        Project.copy(project);
        assumeTrue(Files.exists(project.resolve("scripts/kubernetes.sh")), "a project without the feature cluster");
        if (Docker.run("kubectl", "version", "--client").exitCode() != 0) {
            System.out.println("SKIPPED: KubernetesTest, for kubectl is not installed");
            assumeTrue(false, "no kubectl");
        }
        Files.writeString(project.resolve(".env"), "COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml\nREGISTRY=registry.example.org/team\nTAG=1.4.0\n");
        run("bash scripts/kubernetes.sh render");
        compose = JSON.readTree(run("docker compose config --format json"));
        for (String one : run("kubectl kustomize var/kubernetes").split("(?m)^---$")) {
            HasMetadata resource = new KubernetesSerialization().unmarshal(one);
            assertKnown(JSON.valueToTree(new Yaml().load(one)), KNOWN.valueToTree(resource), resource.getKind() + " " + resource.getMetadata().getName());
            resources.add(resource);
        }
        all(Deployment.class).forEach(one -> pods.put(one.getMetadata().getName(), one.getSpec().getTemplate()));
        all(Job.class).forEach(one -> pods.put(one.getMetadata().getName().replace("-1-4-0", ""), one.getSpec().getTemplate()));
    }

    @Test
    void eachServiceThatKeepsNoDataIsThere() {
        assertThat(pods.keySet()).containsExactlyInAnyOrder("app", "migrate", "nginx", "worker");
        assertThat(all(Job.class)).hasSize(1);
        pods.forEach((name, pod) -> {
            JsonNode service = compose.path("services").path(name);
            Container container = pod.getSpec().getContainers().get(0);
            assertThat(container.getImage()).isEqualTo(service.path("image").asText());
            Map<String, String> environment = new HashMap<>();
            container.getEnv().forEach(variable -> environment.put(variable.getName(), variable.getValue()));
            Map<String, String> wanted = new HashMap<>();
            service.path("environment").fields().forEachRemaining(variable -> wanted.put(variable.getKey(), variable.getValue().asText()));
            assertThat(environment).isEqualTo(wanted);
            JsonNode limits = service.path("deploy").path("resources").path("limits");
            assertThat(Quantity.getAmountInBytes(container.getResources().getLimits().get("memory")).longValue()).isEqualTo(limits.path("memory").asLong());
            assertThat(container.getResources().getLimits().get("cpu").getNumericalAmount().doubleValue()).isEqualTo(limits.path("cpus").asDouble());
            assertThat(pod.getSpec().getTerminationGracePeriodSeconds()).isEqualTo(45);
        });
    }

    /** https://kubernetes.io/docs/concepts/security/pod-security-standards, the profile restricted. */
    @Test
    void podsAreRestricted() {
        pods.forEach((name, template) -> {
            PodSpec pod = template.getSpec();
            assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
            assertThat(pod.getSecurityContext().getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
            assertThat(pod.getSecurityContext().getSysctls()).extracting("name").isSubsetOf("net.ipv4.ip_unprivileged_port_start");
            assertThat(List.of(pod.getHostNetwork() == null, pod.getHostPID() == null, pod.getHostIPC() == null)).containsOnly(true);
            assertThat(pod.getAutomountServiceAccountToken()).isFalse();
            assertThat(pod.getVolumes()).allMatch(volume -> volume.getConfigMap() != null || volume.getEmptyDir() != null || volume.getProjected() != null);
            assertThat(pod.getContainers()).hasSize(1).allSatisfy(container -> {
                assertThat(container.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
                assertThat(container.getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
                assertThat(container.getSecurityContext().getCapabilities().getDrop()).containsExactly("ALL");
                assertThat(container.getSecurityContext().getCapabilities().getAdd()).isEmpty();
            });
        });
    }

    @Test
    void probesAreTheHealthChecks() throws IOException {
        assertThat(command(pods.get("nginx"))).containsExactly("sh", "-c",
                compose.at("/services/nginx/healthcheck/test/1").asText().replace("$$", "$"));
        String dockerfile = Files.readString(project.resolve("app/Dockerfile"));
        for (String service : List.of("app", "worker")) {
            assertThat(dockerfile).contains(JSON.writeValueAsString(command(pods.get(service))).replace(",", ", "));
        }
        assertThat(pods.get("migrate").getSpec().getContainers().get(0).getReadinessProbe()).isNull();
    }

    /** Whoever shares a network may talk, and nobody else; names are asked of the cluster, and the gateway is asked from outside. */
    @Test
    void policiesAreTheNetworks() {
        for (String from : pods.keySet()) {
            for (String to : pods.keySet()) {
                Set<String> shared = networks(from);
                shared.retainAll(networks(to));
                boolean allowed = all(NetworkPolicy.class).stream().anyMatch(policy -> selects(policy, from) && selects(policy, to)
                        && policy.getSpec().getIngress().stream().flatMap(rule -> rule.getFrom().stream())
                                .anyMatch(peer -> labels(from).entrySet().containsAll(peer.getPodSelector().getMatchLabels().entrySet())));
                assertThat(allowed).as(from + " to " + to).isEqualTo(!shared.isEmpty());
            }
        }
        assertThat(all(NetworkPolicy.class).stream().filter(policy -> selects(policy, "app"))
                .filter(policy -> policy.getSpec().getIngress().stream().anyMatch(rule -> rule.getFrom().isEmpty()))).isEmpty();
        assertThat(all(NetworkPolicy.class)).anySatisfy(policy -> {
            assertThat(policy.getSpec().getPodSelector().getMatchLabels()).isEmpty();
            assertThat(policy.getSpec().getPolicyTypes()).containsExactly("Ingress", "Egress");
            assertThat(policy.getSpec().getEgress()).isEmpty();
        });
    }

    @Test
    void secretsAreThereByNameAlone() {
        assertThat(resources).noneMatch(resource -> resource.getKind().equals("Secret"));
        assertThat(pods.get("app").getSpec().getVolumes().toString()).contains("name=db-app").doesNotContain("db-root");
        assertThat(pods.get("migrate").getSpec().getVolumes().toString()).contains("name=db-migrator").doesNotContain("name=db-app");
    }

    @Test
    void whatNoClusterCouldPullIsRefused() throws IOException {
        String settings = Files.readString(project.resolve(".env"));
        Files.writeString(project.resolve(".env"), settings.replaceAll("REGISTRY=.*", ""));
        try {
            var refused = Docker.run(project, Map.of(), "bash", "scripts/kubernetes.sh", "render", "elsewhere");
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.text()).startsWith("kubernetes.sh: REGISTRY is localhost, from which no cluster pulls").hasLineCount(1);
            assertThat(project.resolve("elsewhere")).doesNotExist();
        } finally {
            Files.writeString(project.resolve(".env"), settings);
        }
    }

    /** Fails where the resource lost what was written, which Kubernetes would refuse. */
    private static void assertKnown(JsonNode written, JsonNode known, String where) {
        written.fields().forEachRemaining(field -> {
            assertThat(known.has(field.getKey()) || field.getValue().isEmpty()).as(where + " has " + field.getKey()).isTrue();
            assertKnown(field.getValue(), known.path(field.getKey()), where + "." + field.getKey());
        });
        if (written.isArray()) {
            for (int i = 0; i < written.size(); i++) {
                assertKnown(written.get(i), known.path(i), where + "[" + i + "]");
            }
        }
    }

    private static List<String> command(PodTemplateSpec pod) {
        Container container = pod.getSpec().getContainers().get(0);
        Probe ready = container.getReadinessProbe();
        assertThat(container.getStartupProbe().getExec()).isEqualTo(ready.getExec());
        return ready.getExec().getCommand();
    }

    private static boolean selects(NetworkPolicy policy, String pod) {
        Map<String, String> wanted = policy.getSpec().getPodSelector().getMatchLabels();
        return !wanted.isEmpty() && labels(pod).entrySet().containsAll(wanted.entrySet());
    }

    private static Map<String, String> labels(String pod) {
        return pods.get(pod).getMetadata().getLabels();
    }

    private static Set<String> networks(String service) {
        Set<String> networks = new HashSet<>();
        compose.path("services").path(service).path("networks").fieldNames().forEachRemaining(networks::add);
        networks.remove("nginx_proxy"); // where strangers are, too
        return networks;
    }

    private static <T> List<T> all(Class<T> type) {
        return resources.stream().filter(type::isInstance).map(type::cast).toList();
    }

    private static String run(String commands) {
        return Docker.run(project, Map.of(), "bash", "-ec", commands).assertSuccess().text();
    }
}
