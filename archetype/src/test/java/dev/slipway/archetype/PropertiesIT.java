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
                "package    | com.acme.new     | must be a Java package",
                "package    | com..acme        | must be a Java package",
                "package    | com.acme.9orders | must be a Java package",
                "dbImage    | mariadb          | must be an image of MariaDB",
                "httpPort   | 0                | must be a port",
                "httpPort   | 65536            | must be a port",
                "httpPort   | http             | must be a port"
            })
    void aBadValueIsRefusedInBatchModeBeforeAFileIsWritten(String property, String value, String rule) throws Exception {
        Path folder = Maven.emptyFolder("bad value");

        Run run = Maven.generate(folder, property + "=" + value);

        assertThat(run.exitCode()).isNotZero();
        assertThat(run.output()).contains("Property " + property + " " + rule).contains("It is '" + value + "'.");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void everyPropertyHasADefault() throws Exception {
        Path folder = Maven.emptyFolder("defaults");

        Maven.generate(folder).assertSuccess();

        assertThat(folder.resolve("service/app/src/main/java/com/example/service/Application.java")).exists();
        assertThat(Files.readString(folder.resolve("service/.env.example")))
                .contains("HTTP_PORT=881\n", "DB_IMAGE=mariadb:11.8\n");
    }

    @Test
    void interactiveModeAsksForTheNamesAloneAndAsksAgainAfterABadOne() throws Exception {
        Path folder = Maven.emptyFolder("interactive");

        // groupId; artifactId, first a bad one; package and the check as offered; confirmed.
        Run run = Maven.generateInteractively(folder, "com.acme-shop\nBad_Name\norders\n\n\ny\n").assertSuccess();

        assertThat(run.output()).doesNotContain("Define value for property 'httpPort'");
        assertThat(folder.resolve("orders/app/src/main/java/com/acme_shop/orders/Application.java")).exists();
    }
}
