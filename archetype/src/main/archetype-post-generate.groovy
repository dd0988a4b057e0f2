def project = new File(request.outputDirectory, request.artifactId)
new File(project, 'scripts').eachFile { if (!(it.name in ['lib.sh', 'model.sh'])) it.setExecutable(true, false) }
println "\nNext: cd ${request.artifactId} && docker compose up. README.md says what else there is.\n"
