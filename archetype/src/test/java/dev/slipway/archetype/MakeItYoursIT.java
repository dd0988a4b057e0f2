package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Does what docs/make-it-yours.md says; ForeignDomainIT does its rest, one's own domain without a worker. */
class MakeItYoursIT {

    private static final String BASE = "docker-compose.yml";
    private static final String PRODUCTION = "docker-compose.prod.yml";

    private static final String CUSTOMER = """
            package com.acme.orders.customer;

            import jakarta.persistence.Entity;
            import jakarta.persistence.Id;
            import java.util.UUID;
            import org.hibernate.annotations.JdbcTypeCode;
            import org.hibernate.annotations.UuidGenerator;
            import org.hibernate.type.SqlTypes;

            @Entity
            class Customer {

                @Id
                @UuidGenerator(style = UuidGenerator.Style.VERSION_7)
                @JdbcTypeCode(SqlTypes.BINARY)
                private UUID id;

                private String name;
            }
            """;

    private static final String CUSTOMER_TEST = """
            package com.acme.orders.customer;

            import static org.assertj.core.api.Assertions.assertThat;

            import com.acme.orders.ServiceTest;
            import jakarta.persistence.EntityManager;
            import org.junit.jupiter.api.Test;
            import org.springframework.beans.factory.annotation.Autowired;
            import org.springframework.beans.factory.annotation.Value;

            @ServiceTest
            class CustomerTest {

                @Test
                void theServiceHasItsTableAndItsVariable(@Autowired EntityManager entityManager, @Value("${greeting}") String greeting) {
                    assertThat(entityManager.createQuery("select name from Customer", String.class).getResultList()).isEmpty();
                    assertThat(greeting).isEqualTo("hello");
                }
            }
            """;

    @Test
    void whatIsAddedWorksAndTheAggregateHasAnotherName() throws Exception {
        Path project = generate("added", "monitoring=true", "mixnet=true");
        Page page = Page.of(project);

        page.run("A secret");
        List<String> secret = page.blocks("yaml", "A secret");
        insertAfter(project, BASE, "\nsecrets:\n", secret.get(0));
        insertAfter(project, PRODUCTION, "\nsecrets:[^\n]*\n", secret.get(0).replace("secrets/dev/", "secrets/"));
        insertAfter(project, BASE, "\n    secrets: &app-secrets\n", secret.get(1));
        insertAfter(project, BASE, "\nservices:\n", page.block("yaml", "A service"));
        insertAfter(project, BASE, "\n  app:\n(?:    .*\n)*?    environment:\n      <<: \\*datasource\n", page.block("yaml", "A variable"));
        Files.writeString(project.resolve(".env.example"), "# GREETING=hello\n" + Files.readString(project.resolve(".env.example")));
        Path application = project.resolve("app/src/main/resources/application.yaml");
        Files.writeString(application, "greeting: hello\n\n" + Files.readString(application));
        write(project, "app/src/main/resources/db/migration/V5__customer.sql", page.block("sql", "A table"));
        write(project, "app/src/main/java/com/acme/orders/customer/Customer.java", CUSTOMER);
        write(project, "app/src/test/java/com/acme/orders/customer/CustomerTest.java", CUSTOMER_TEST);
        page.run("The aggregate");
        write(project, "app/src/main/resources/db/migration/V6__shipment.sql", page.block("sql", "The aggregate"));

        Run tests = Maven.run(project, "", List.of("-B", "-ntp", "-pl", "app", "test", "-Dtest=CustomerTest,ShipmentApiTest")).assertSuccess();
        assertThat(tests.output()).contains("CustomerTest", "ShipmentApiTest");
        assertThat(Run.of(project, "", List.of("git", "grep", "-i", "analys[ei]s", "app/src/*/shipments")).output()).isEmpty();
        assertThat(Run.of(project, "", List.of("git", "grep", "api/analyses", "README.md", "scripts", "app/src/*.java")).output()).isEmpty();

        Files.writeString(project.resolve(".env"), "COMPOSE_FILE=" + BASE + ":" + PRODUCTION + "\nGREETING=moin\nGREETNG=moin\n");
        Run secrets = Run.of(project, "", List.of("bash", "scripts/secrets.sh")).assertSuccess();
        assertThat(secrets.output()).contains("made  secrets/mail_password.txt");
        assertThat(doctor(project)).contains(".env sets GREETNG, which nothing reads").doesNotContain("GREETING, which");
        Path own = project.resolve("secrets/mail_password.txt");
        Files.delete(own);
        Files.copy(project.resolve("secrets/dev/mail_password.txt"), own);
        assertThat(doctor(project)).contains("secrets/mail_password.txt is development's");
        FeaturesIT.model(project, BASE + ":" + PRODUCTION).ifPresent(model -> {
            String services = model.assertSuccess().output();
            assertThat(services).contains("GREETING: moin", "target: mail.password");
            assertThat(services.split("(?m)^  cache:\n", 2)[1].split("(?m)^  \\w", 2)[0])
                    .contains("cap_drop:\n      - ALL", "max-size: 10m", "read_only: true", "no-new-privileges:true", "restart: unless-stopped");
        });
    }

    /** By hand, as the page says, and by the generator: there is no difference. */
    @Test
    void whatIsRemovedIsGoneAsIfItHadNotBeenChosen() throws Exception {
        Path project = generate("removed", "monitoring=true", "mixnet=true", "cluster=true");
        Page page = Page.of(project);

        page.run("More than one host");
        page.run("The mixnet");
        assertSame(project, generate("never chosen", "monitoring=true", "mixnet=false"));
        FeaturesIT.assertHolds(project, false, true, false);

        Path half = Files.move(project.resolve("monitoring"), project.resolve("target"));
        if (FeaturesIT.model(project, BASE).isPresent()) {
            assertThat(doctor(project)).contains("fail  the Compose files make no configuration", "monitoring/docker-compose.yml: no such file");
        }
        Files.move(half, project.resolve("monitoring"));
        page.run("The monitoring");
        assertSame(project, generate("never chosen", "monitoring=false", "mixnet=false"));
        FeaturesIT.assertHolds(project, false, false, false);

        assertThat(doctor(project)).contains("clock: ").doesNotContain("fail  secrets");
    }

    private static Path generate(String folder, String... features) throws Exception {
        Path generated = Maven.emptyFolder(folder);
        Maven.generate(generated, Stream.concat(Stream.of("groupId=com.acme", "artifactId=orders"), Stream.of(features)).toArray(String[]::new))
                .assertSuccess();
        Path project = generated.resolve("orders");
        Run.of(project, "", List.of("bash", "-c", "git init -q && git add . && git -c user.name=t -c user.email=t@example.com commit -qm generated"))
                .assertSuccess();
        return project;
    }

    /** What the doctor says of everything but the containers; it has come to its end. */
    private static String doctor(Path project) throws Exception {
        Run doctor = Run.of(project, "", List.of("bash", "scripts/doctor.sh", "--no-containers"));
        assertThat(doctor.output()).doesNotContainPattern("\\.sh: line \\d+");
        return doctor.output();
    }

    private static void insertAfter(Path project, String path, String regex, String text) throws IOException {
        Path file = project.resolve(path);
        String before = Files.readString(file);
        Matcher place = Pattern.compile(regex).matcher(before);
        assertThat(place.find()).as(path + " has " + regex).isTrue();
        Files.writeString(file, before.substring(0, place.end()) + text + before.substring(place.end()));
    }

    private static void write(Path project, String path, String text) throws IOException {
        Files.createDirectories(project.resolve(path).getParent());
        Files.writeString(project.resolve(path), text);
    }

    private static void assertSame(Path project, Path expected) throws IOException {
        Map<String, String> files = contents(project);
        Map<String, String> wanted = contents(expected);
        assertThat(files.keySet()).isEqualTo(wanted.keySet());
        wanted.forEach((path, text) -> assertThat(files.get(path)).as(path).isEqualTo(text));
    }

    private static Map<String, String> contents(Path project) throws IOException {
        Map<String, String> files = new TreeMap<>();
        for (Path file : FeaturesIT.files(project)) {
            files.put(project.relativize(file).toString(), Files.readString(file, StandardCharsets.ISO_8859_1));
        }
        return files;
    }
}
