package dev.slipway.analysis;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The domain may use these packages, and none of them knows the domain or another, the tests' database and the page's access apart: each stays when
 * the domain is replaced.
 */
class ArrowsTest {

    private static final String BASE = Application.class.getPackageName();

    /** With the tests: those of a package stay with it. */
    private static final JavaClasses CLASSES = new ClassFileImporter().importPackages(BASE);

    @ParameterizedTest
    @ValueSource(strings = {"access", "database", "http", "page", "production", "worker"})
    void aPackageOfTheTemplateKnowsNoOther(String name) {
        String own = BASE + "." + name + "..";
        noClasses()
                .that().resideInAPackage(own)
                .should().dependOnClassesThat(resideInAPackage(BASE + ".*..")
                        .and(not(resideInAPackage(own)))
                        .and(not(resideInAPackage(BASE + ".database..")))
                        .and(not(resideInAPackage(name.equals("page") ? BASE + ".access.." : own)))) // Who may see it.
                .allowEmptyShould(Set.of("access", "page", "worker").contains(name)) // They may be gone.
                .check(CLASSES);
    }
}
