pub struct Files;
impl Files {
    pub fn read(_: &glorieta_plan::FilesTarget) -> Result<Files, String> { Ok(Files) }
    pub async fn answer(&self, _: &glorieta_core::RequestHead, _: &[u8]) -> Result<glorieta_core::Response, glorieta_core::Error> {
        Err(glorieta_core::Error::new(glorieta_core::Kind::NotFound))
    }
}
