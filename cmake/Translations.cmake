# add_translations(DOMAIN LANGUAGE…): compiles po/LANGUAGE.po into share/locale of the build tree and
# installs it. scripts/update-translations.sh brings the catalogues up to date with the sources.
function(add_translations domain)
  set(catalogues)
  foreach(language IN LISTS ARGN)
    set(po ${CMAKE_SOURCE_DIR}/po/${language}.po)
    set(mo ${CMAKE_BINARY_DIR}/share/locale/${language}/LC_MESSAGES/${domain}.mo)
    get_filename_component(folder ${mo} DIRECTORY)
    add_custom_command(
      OUTPUT ${mo}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
      COMMAND ${GETTEXT_MSGFMT_EXECUTABLE} --check -o ${mo} ${po}
      DEPENDS ${po})
    list(APPEND catalogues ${mo})
    install(FILES ${mo} DESTINATION ${CMAKE_INSTALL_LOCALEDIR}/${language}/LC_MESSAGES)
  endforeach()
  add_custom_target(translations ALL DEPENDS ${catalogues})
endfunction()
