package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PropertiesIT {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "groupId    | com acme         | must be a Maven groupId",
                "artifactId | Orders           | must be a DNS label",
                "artifactId | orders-          | must be a DNS label",
                "artifactId | my_orders        | must be a DNS label",
                "version    | 1/0              | must be a Maven version",
                "artifactId | new              | must be a DNS label",
                "package    | com.acme.new     | must be a Java package",
                "package    | java.util.x      | must be a Java package",
                "dbImage    | mysql:8          | must be an image of MariaDB",
                "package    | com..acme        | must be a Java package",
                "package    | com.acme.9orders | must be a Java package",
                "dbImage    | mariadb          | must be an image of MariaDB",
                "httpPort   | 0                | must be a port",
                "httpPort   | 65536            | must be a port",
                "httpPort   | http             | must be a port",
                "cluster    | perhaps          | must be true or false",
                "mixnet     | maybe            | must be true or false",
                "monitoring | maybe            | must be true or false",
                "license    | GPL              | must be none, Apache-2.0 or MIT"
            })
    void aBadValueIsRefusedInBatchModeBeforeAFileIsWritten(String property, String value, String rule) throws Exception {
        Path folder = Maven.emptyFolder("bad value");

        Run run = Maven.generate(folder, property + "=" + value);

        assertThat(run.exitCode()).isNotZero();
        assertThat(run.output()).contains("\nProperty " + property + " " + rule).contains("It is '" + value + "'.");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void nothingIsWrittenIntoAProjectThatCanHaveNoModule() throws Exception {
        Path folder = Maven.emptyFolder("jar");
        String pom = "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>b</artifactId><version>1</version></project>";
        Files.writeString(folder.resolve("pom.xml"), pom);

        Run run = Maven.generate(folder);

        assertThat(run.exitCode()).isNotZero();
        assertThat(run.output()).contains("\nThe pom.xml in " + folder + " is not of packaging pom");
        assertThat(folder).isDirectoryNotContaining(path -> !path.endsWith("pom.xml"));
        assertThat(folder.resolve("pom.xml")).hasContent(pom);

        Files.writeString(folder.resolve("pom.xml"), pom.replace("</version>", "</version><packaging>pom</packaging>"));
        Maven.generate(folder).assertSuccess();
        assertThat(folder.resolve("pom.xml")).content().contains("<module>service</module>");
    }

    @Test
    void everyPropertyHasADefault() throws Exception {
        Path folder = Maven.emptyFolder("defaults");

        Maven.generate(folder).assertSuccess();

        assertThat(folder.resolve("service/app/src/main/java/com/example/service/Application.java")).exists();
        assertThat(Files.readString(folder.resolve("service/.env.example")))
                .contains("HTTP_PORT=881\n", "DB_IMAGE=mariadb:11.8\n");
    }

    @ParameterizedTest
    @CsvSource({
        "version, 2026.11-beta+1",
        "dbImage, registry.example:5000/team/mariadb:11.8",
        "dbImage, mariadb@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    })
    void whatPeopleUseIsAccepted(String property, String value) throws Exception {
        Path folder = Maven.emptyFolder("accepted");

        Maven.generate(folder, property + "=" + value).assertSuccess();

        assertThat(Files.readString(folder.resolve("service/pom.xml")) + Files.readString(folder.resolve("service/.env.example"))).contains(value);
    }

    @ParameterizedTest
    @CsvSource({"MIT, the authors of service", "Apache-2.0, Apache License"})
    void aLicenceIsChosenOrThereIsNone(String license, String text) throws Exception {
        Path folder = Maven.emptyFolder("licence");

        Maven.generate(folder, "license=" + license).assertSuccess();
        Maven.generate(folder, "artifactId=without").assertSuccess();

        assertThat(folder.resolve("service/LICENSE")).content().contains(text).doesNotContain("#", "${");
        assertThat(folder.resolve("without/LICENSE")).doesNotExist();
    }

    @Test
    void interactiveModeAsksForTheNamesAloneAndAsksAgainAfterABadOne() throws Exception {
        Path folder = Maven.emptyFolder("interactive");

        // groupId; artifactId, first a bad one; package, the features and the check as offered; confirmed.
        Run run = Maven.generateInteractively(folder, "com.acme-shop\nBad_Name\norders\n\n\n\n\ny\n").assertSuccess();

        assertThat(run.output()).doesNotContain("Define value for property 'httpPort'");
        assertThat(folder.resolve("orders/app/src/main/java/com/acme_shop/orders/Application.java")).exists();
    }
}
